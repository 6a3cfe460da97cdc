-- Grain: the newest ingest of the kind up to the day, one row or none. A list without a date that has not changed since
-- an earlier day is still the same ingest.
-- Parameters: $kind VARCHAR, $as_of_date DATE.
SELECT
    ingest_id,
    sha256,
    rows_read,
    rows_accepted,
    rows_rejected
FROM ingests
WHERE kind = $kind AND as_of_date <= $as_of_date
ORDER BY as_of_date DESC, ingest_id DESC
LIMIT 1;
