-- Grain: the ingest of the kind that counts on the day, one row or none. Lists without a date of their own (assets,
-- restrictions) count until a later one comes: unchanged since an earlier day, they are the same ingest.
-- Parameters: $kind VARCHAR, $as_of_date DATE.
SELECT
    ingest_id,
    sha256,
    rows_read,
    rows_accepted,
    rows_rejected
FROM ingests
WHERE kind = $kind
AND (as_of_date = $as_of_date OR (as_of_date < $as_of_date AND kind IN ('assets', 'restrictions')))
ORDER BY as_of_date DESC, ingest_id DESC
LIMIT 1;
