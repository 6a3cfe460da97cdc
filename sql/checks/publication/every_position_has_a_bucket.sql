-- Failures: targets without a bucket that are not cash, and cash with one: no bucket limit would see them rightly.
-- Parameters: $run_id VARCHAR.
SELECT
    portfolio_id,
    format('{} has bucket {}', asset, coalesce(bucket, 'null')) AS detail
FROM targets
WHERE run_id = $run_id AND is_cash <> (bucket IS NULL)
ORDER BY ALL;
