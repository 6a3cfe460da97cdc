-- Grain: one row: the checksum of the catalog of views and macros.
-- Parameters: none.
SELECT md5(string_agg(definition, chr(10) ORDER BY definition)) AS catalog_checksum
FROM (
    SELECT sql AS definition FROM duckdb_views() WHERE NOT internal
    UNION ALL
    SELECT concat_ws(' ', function_name, array_to_string(parameters, ','), macro_definition)
    FROM duckdb_functions() WHERE NOT internal
);
