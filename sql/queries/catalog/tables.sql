-- Grain: one row per table, in the order of the names.
-- Parameters: none.
SELECT table_name
FROM duckdb_tables()
WHERE database_name = current_database() AND NOT internal
ORDER BY table_name;
