-- Grain: one row per column of the tables and views named, with its comments, in the order of the columns. PostgreSQL has
-- no maps: what they say is in a JSON beside them.
-- Parameters: $tables VARCHAR[].
SELECT
    columns.table_name,
    relations.comment AS table_comment,
    columns.column_name,
    columns.data_type,
    columns.column_default,
    columns.comment AS column_comment
FROM duckdb_columns() AS columns
JOIN (
    SELECT database_name, schema_name, table_name, comment FROM duckdb_tables()
    UNION ALL
    SELECT database_name, schema_name, view_name, comment FROM duckdb_views()
) AS relations USING (database_name, schema_name, table_name)
WHERE columns.database_name = current_database()
    AND NOT columns.internal
    AND columns.data_type NOT LIKE 'MAP%'
    AND list_contains($tables::VARCHAR[], columns.table_name)
ORDER BY columns.table_name, columns.column_index;
