-- Grain: one row per portfolio and asset held: the latest positions day up to the day, from the newest ingest
-- which has rows of that portfolio and day.
-- Parameters: $as_of_date DATE.
SELECT
    portfolio_id,
    as_of_date,
    asset,
    current_weight
FROM positions
WHERE as_of_date <= $as_of_date
QUALIFY dense_rank() OVER (PARTITION BY portfolio_id ORDER BY as_of_date DESC, ingest_id DESC) = 1
ORDER BY portfolio_id, asset;
