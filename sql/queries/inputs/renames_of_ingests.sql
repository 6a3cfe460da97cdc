-- Grain: one row per rename of the ingests, in force or not.
-- Parameters: $ingest_ids BIGINT[].
SELECT
    ingest_id,
    old,
    new,
    valid_from
FROM renames
WHERE ingest_id IN (SELECT unnest($ingest_ids::BIGINT[]))
ORDER BY ingest_id, valid_from, old;
