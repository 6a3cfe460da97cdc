-- For: an operator
-- Question: Which files were rejected and not corrected since?
-- Returns: a row per file, newest first, with the reason; none when all is well.
SELECT as_of_date, kind, source, refusal, rows_read, effective_ingest_id
FROM refused_files
WHERE NOT is_corrected;
