-- Grain: one row per asset of the ingests.
-- Parameters: $ingest_ids BIGINT[].
SELECT
    ingest_id,
    asset,
    bucket
FROM assets
WHERE ingest_id IN (SELECT unnest($ingest_ids::BIGINT[]))
ORDER BY asset, ingest_id;
