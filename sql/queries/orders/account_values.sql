-- Grain: one row per portfolio of the ingest.
-- Parameters: $ingest_id BIGINT (null: none).
SELECT
    portfolio_id,
    portfolio_value
FROM accounts
WHERE ingest_id = $ingest_id::BIGINT
ORDER BY portfolio_id;
