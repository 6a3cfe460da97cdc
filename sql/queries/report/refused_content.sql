-- Grain: one row per rejected row of rejected content of the days that was not corrected since, and one with a
-- null row_number for content without such a row. The first ones, and how many rejected rows there are in all.
-- Parameters: $days DATE[], $most_rows INTEGER.
SELECT
    refused_files.source,
    rejected_rows.row_number,
    rejected_rows.reason,
    rejected_rows.row_json,
    count(rejected_rows.row_number) OVER () AS n_refused
FROM refused_files
-- Its valid rows are rejected only with the whole: they need no attention.
LEFT JOIN rejected_rows
    ON rejected_rows.ingest_id = refused_files.ingest_id AND rejected_rows.rule <> 'file_refused'
WHERE list_contains($days::DATE[], refused_files.as_of_date) AND NOT refused_files.is_corrected
ORDER BY refused_files.ingest_id DESC, rejected_rows.row_number
LIMIT $most_rows;
