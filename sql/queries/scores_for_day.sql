-- Grain: one row per model, asset and day in [$since, $as_of_date], from the newest ingest of that day, which counts
-- as a whole: an asset that is missing in a corrected file is missing.
-- Parameters: $as_of_date DATE, $since DATE.
SELECT
    scores.as_of_date,
    scores.model,
    scores.asset,
    scores.score,
    scores.technical_score,
    scores.fundamental_score,
    scores.volatility,
    scores.ingest_id,
    scores.row_number
FROM scores
JOIN effective_ingests USING (ingest_id, as_of_date)
WHERE effective_ingests.kind = 'scores' AND scores.as_of_date BETWEEN $since AND $as_of_date
ORDER BY scores.as_of_date, scores.model, scores.asset;
