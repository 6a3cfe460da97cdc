-- Grain: one row per day and asset of the ingests.
-- Parameters: $ingest_ids BIGINT[].
SELECT
    ingest_id,
    as_of_date,
    asset,
    close,
    coalesce(adjustment_factor, 1) AS adjustment_factor,
    daily_return
FROM prices
WHERE ingest_id IN (SELECT unnest($ingest_ids::BIGINT[]))
ORDER BY as_of_date, asset, ingest_id;
