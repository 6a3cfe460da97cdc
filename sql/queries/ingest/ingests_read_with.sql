-- Grain: one row per ingest that was read from the same content at the same time as the given one, itself included:
-- one for each day of a file with many days.
-- Parameters: $ingest_id BIGINT.
SELECT
    ingests.ingest_id,
    ingests.as_of_date,
    ingests.rows_read,
    ingests.rows_accepted,
    ingests.rows_rejected,
    ingests.refusal
FROM ingests
SEMI JOIN (FROM ingests WHERE ingest_id = $ingest_id) AS given USING (kind, sha256, ingested_at)
ORDER BY ingests.as_of_date, ingests.ingest_id;
