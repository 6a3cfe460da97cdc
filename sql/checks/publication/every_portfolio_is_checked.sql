-- Failures: portfolios without a row in constraint_checks: no limit was compared with their targets.
-- Parameters: $run_id VARCHAR.
SELECT
    portfolio_id,
    'no limit was compared with its targets' AS detail
FROM (SELECT portfolio_id FROM run_portfolios WHERE run_id = $run_id) AS portfolios
WHERE NOT EXISTS (
    SELECT 1
    FROM constraint_checks
    WHERE run_id = $run_id AND constraint_checks.portfolio_id = portfolios.portfolio_id
)
ORDER BY ALL;
