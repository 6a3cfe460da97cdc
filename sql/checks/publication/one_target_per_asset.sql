-- Failures: assets with more than one target in a portfolio.
-- Parameters: $run_id VARCHAR.
SELECT
    portfolio_id,
    format('{} has {} targets', asset, count(*)) AS detail
FROM targets
WHERE run_id = $run_id
GROUP BY portfolio_id, asset
HAVING count(*) > 1
ORDER BY ALL;
