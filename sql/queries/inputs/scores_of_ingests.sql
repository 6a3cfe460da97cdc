-- Grain: one row per model, asset and day of the ingests.
-- Parameters: $ingest_ids BIGINT[].
SELECT
    ingest_id,
    as_of_date,
    model,
    asset,
    score,
    technical_score,
    fundamental_score,
    volatility
FROM scores
WHERE ingest_id IN (SELECT unnest($ingest_ids::BIGINT[]))
ORDER BY as_of_date, model, asset, ingest_id;
