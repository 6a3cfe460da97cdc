-- Grain: one row per column of the table, in their order. For one table: the catalog of all takes as long as a day's
-- checks, since it binds every view.
-- Parameters: $table VARCHAR.
SELECT
    name AS column_name,
    type AS data_type
FROM pragma_table_info($table)
ORDER BY cid;
