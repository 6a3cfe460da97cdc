-- Grain: one row per portfolio, day and asset held of the ingests. A row CASH means that a portfolio holds nothing.
-- Parameters: $ingest_ids BIGINT[].
SELECT
    ingest_id,
    portfolio_id,
    as_of_date,
    asset,
    current_weight
FROM positions
WHERE ingest_id IN (SELECT unnest($ingest_ids::BIGINT[])) AND asset <> 'CASH'
ORDER BY portfolio_id, asset, ingest_id;
