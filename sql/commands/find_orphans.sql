-- Returns the files below the data path of a lake that no table has, and the files of tables that are not there: those
-- have no size. A file has its run where it is of a shard, else its table. Shards of a run that was published or proposed
-- are left out, whatever the catalog knows.
-- {catalog}: the schema of DuckLake. {files}: all files below the data path, as a literal; {skipped}: the length of the path.
-- Parameters: none.
WITH
    files_of_tables AS (
        SELECT path, path_is_relative, table_id FROM {catalog}.ducklake_data_file
        UNION ALL
        SELECT path, path_is_relative, table_id FROM {catalog}.ducklake_delete_file
    ),
    known_paths AS (
        SELECT
            if(files_of_tables.path_is_relative, concat(homes.path, parts.path, files_of_tables.path), files_of_tables.path)
                AS path,
            true AS is_of_table
        FROM files_of_tables
        JOIN {catalog}.ducklake_table AS parts USING (table_id)
        JOIN {catalog}.ducklake_schema AS homes USING (schema_id)
        UNION ALL
        SELECT path, false FROM {catalog}.ducklake_files_scheduled_for_deletion
    ),
    known AS (
        -- The last three parts name a file whatever name the data path has: main/TABLE/FILE, shards/RUN/FILE.
        SELECT
            regexp_extract(path, '[^/]+/[^/]+/[^/]+$') AS path,
            bool_or(is_of_table) AS is_of_table
        FROM known_paths
        GROUP BY ALL
    ),
    there AS (
        SELECT
            substr(filename, {skipped} + 1) AS path,
            size AS n_bytes,
            last_modified AS modified_at
        FROM read_blob({files})
        WHERE regexp_matches(substr(filename, {skipped} + 1), '^(main/[^/]+/[^/]+[.]parquet|shards/[^/]+/.+)$')
    )
SELECT
    path,
    if(starts_with(path, 'shards/'), split_part(path, '/', 2), NULL) AS run_id,
    if(starts_with(path, 'main/'), split_part(path, '/', 2), NULL) AS table_name,
    there.n_bytes,
    there.modified_at
FROM there
FULL JOIN known USING (path)
WHERE (known.path IS NULL OR (there.path IS NULL AND known.is_of_table))
AND (there.path IS NULL OR run_id IS NULL OR run_id NOT IN (
    SELECT run_id FROM run_events WHERE state IN ('published', 'proposed')
))
ORDER BY path;
