-- Grain: one row per table of this database: the statement that makes it, its constraints included.
-- Parameters: none.
SELECT sql AS statement
FROM duckdb_tables()
WHERE database_name = current_database()
ORDER BY table_name;
