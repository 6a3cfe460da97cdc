-- Grain: one row per file of the day that was rejected and not corrected since, newest first.
-- Parameters: $day DATE.
SELECT
    source,
    refusal
FROM refused_files
WHERE as_of_date = $day::DATE AND NOT is_corrected
ORDER BY ingest_id DESC;
