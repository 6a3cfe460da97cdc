-- Grain: one row per portfolio, day and asset held of the ingests: its shares, null where they did not come.
-- Parameters: $ingest_ids BIGINT[].
SELECT
    ingest_id,
    as_of_date,
    portfolio_id,
    asset,
    quantity
FROM positions
WHERE list_contains($ingest_ids::BIGINT[], ingest_id) AND asset <> 'CASH'
ORDER BY ALL;
