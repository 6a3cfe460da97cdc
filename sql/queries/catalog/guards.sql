-- Grain: one row per CHECK and PRIMARY KEY of a table of this database.
-- Parameters: none.
SELECT
    table_name,
    constraint_type,
    expression,
    constraint_column_names AS columns
FROM duckdb_constraints()
WHERE database_name = current_database() AND constraint_type IN ('CHECK', 'PRIMARY KEY', 'UNIQUE')
ORDER BY table_name, constraint_index;
