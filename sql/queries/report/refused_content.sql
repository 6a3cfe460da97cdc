-- Grain: one row per refused row of content of the days that was refused whole and not corrected since, and one with a
-- null row_number for content without such a row. The first ones, and how many refused rows there are in all.
-- Parameters: $days DATE[], $most_rows INTEGER.
SELECT
    refused_files.source,
    rejected_rows.row_number,
    rejected_rows.reason,
    rejected_rows.row_json,
    count(rejected_rows.row_number) OVER () AS n_refused
FROM refused_files
-- The good rows of it are refused only because the whole is: they are nothing to look at.
LEFT JOIN rejected_rows
    ON rejected_rows.ingest_id = refused_files.ingest_id AND rejected_rows.rule <> 'file_refused'
WHERE list_contains($days::DATE[], refused_files.as_of_date) AND NOT refused_files.is_corrected
ORDER BY refused_files.ingest_id DESC, rejected_rows.row_number
LIMIT $most_rows;
