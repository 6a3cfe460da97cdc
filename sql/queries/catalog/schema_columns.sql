-- Grain: one row per column of every table and view, in their order, and one per table macro (its comment
-- names its columns).
-- Parameters: none.
SELECT
    CASE WHEN views.view_name IS NULL THEN 'table' ELSE 'view' END AS kind,
    columns.table_name AS name,
    coalesce(views.comment, tables.comment) AS comment,
    columns.column_name,
    columns.data_type,
    columns.comment AS column_comment,
    columns.column_index AS position
FROM duckdb_columns() AS columns
LEFT JOIN duckdb_views() AS views
    ON views.database_name = columns.database_name
    AND views.schema_name = columns.schema_name
    AND views.view_name = columns.table_name
LEFT JOIN duckdb_tables() AS tables
    ON tables.database_name = columns.database_name
    AND tables.schema_name = columns.schema_name
    AND tables.table_name = columns.table_name
WHERE columns.database_name = current_database() AND NOT columns.internal
UNION ALL
SELECT 'macro', function_name, comment, NULL, NULL, NULL, NULL
FROM duckdb_functions()
WHERE database_name = current_database() AND NOT internal AND function_type = 'table_macro'
ORDER BY kind, name, position;
