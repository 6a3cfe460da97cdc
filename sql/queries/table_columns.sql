-- Grain: one row per column of every table, in the order of the tables' names and of their columns.
-- Parameters: none.
SELECT
    columns.table_name,
    columns.column_name,
    columns.data_type,
    columns.is_nullable
FROM duckdb_columns() AS columns
SEMI JOIN duckdb_tables() AS tables USING (database_name, schema_name, table_name)
WHERE columns.database_name = current_database() AND NOT columns.internal
ORDER BY columns.table_name, columns.column_index;
