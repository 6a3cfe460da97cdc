-- Grain: one row per asset of the ingests.
-- Parameters: $ingest_ids BIGINT[].
SELECT
    assets.ingest_id,
    ingests.as_of_date,
    assets.asset,
    assets.bucket
FROM assets
JOIN ingests USING (ingest_id)
WHERE assets.ingest_id IN (SELECT unnest($ingest_ids::BIGINT[]))
ORDER BY assets.asset, assets.ingest_id;
