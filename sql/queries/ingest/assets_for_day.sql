-- Grain: one row per asset of the newest assets ingest up to the day: the latest day, of this the newest ingest.
-- Parameters: $as_of_date DATE.
SELECT
    assets.asset,
    assets.bucket,
    assets.ingest_id,
    assets.row_number
FROM assets
WHERE assets.ingest_id = (
    SELECT ingest_id
    FROM effective_ingests
    WHERE kind = 'assets' AND as_of_date <= $as_of_date
    ORDER BY as_of_date DESC
    LIMIT 1
)
ORDER BY assets.asset;
