-- Grain: one row per asset that the ingests list or price: price (null: none), shares of a lot.
-- Parameters: $assets_ingest_ids BIGINT[], $prices_ingest_id BIGINT (null: none).
SELECT
    coalesce(listed.asset, priced.asset) AS asset,
    priced.close AS price,
    coalesce(listed.lot_size, 1) AS lot_size
FROM (FROM assets WHERE ingest_id IN (SELECT unnest($assets_ingest_ids::BIGINT[]))) AS listed
FULL JOIN (FROM prices WHERE ingest_id = $prices_ingest_id::BIGINT) AS priced USING (asset)
ORDER BY asset;
