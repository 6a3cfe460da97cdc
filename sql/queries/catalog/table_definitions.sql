-- Grain: one row per column of a table of this database, in their order.
-- Parameters: none.
SELECT
    columns.table_name,
    tables.comment AS table_comment,
    columns.column_name,
    columns.data_type,
    columns.is_nullable,
    columns.column_default,
    columns.comment
FROM duckdb_columns() AS columns
JOIN duckdb_tables() AS tables USING (database_name, schema_name, table_name)
WHERE columns.database_name = current_database() AND NOT columns.internal
ORDER BY columns.table_name, columns.column_index;
