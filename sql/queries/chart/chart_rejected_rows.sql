-- Grain: one row per rejected row of the day's effective content, the first ones, and how many there are in all.
-- Parameters: $as_of_date DATE, $most_rows INTEGER.
SELECT source, row_number, reason, row_json, ingest_id, count(*) OVER () AS n_refused
FROM rejected_rows
WHERE as_of_date = $as_of_date AND is_effective
ORDER BY source, row_number
LIMIT $most_rows;
