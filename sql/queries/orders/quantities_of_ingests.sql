-- Grain: one row per portfolio, day and asset held of the ingests: its shares, null where they did not come.
-- Parameters: $ingest_ids BIGINT[].
SELECT
    ingest_id,
    as_of_date,
    portfolio_id,
    asset,
    quantity
FROM positions
WHERE ingest_id IN (SELECT unnest($ingest_ids::BIGINT[])) AND asset <> 'CASH'
ORDER BY ALL;
