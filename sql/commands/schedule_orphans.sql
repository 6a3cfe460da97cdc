-- Adds files to those that DuckLake removes when it cleans up, under numbers that no file of a table will have.
-- {catalog}: the schema of DuckLake. The frame `orphans` has them.
-- Parameters: none.
INSERT INTO {catalog}.ducklake_files_scheduled_for_deletion
SELECT
    (1::BIGINT << 62) + row_number() OVER (ORDER BY path) AS data_file_id,
    path,
    true AS path_is_relative,
    modified_at AS schedule_start
FROM orphans;
