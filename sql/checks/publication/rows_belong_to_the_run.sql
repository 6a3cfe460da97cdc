-- Failures: rows of portfolios that the run does not cover, and targets and estimates of another day than the run's.
-- Nobody would see them, or they would be seen on the wrong day.
-- Parameters: $run_id VARCHAR.
SELECT
    written.portfolio_id,
    format('{} rows in {} of a portfolio that the run does not cover', count(*), written.table_name) AS detail
FROM (
    SELECT 'decisions' AS table_name, portfolio_id FROM decisions WHERE run_id = $run_id
    UNION ALL
    SELECT 'sizing_audit', portfolio_id FROM sizing_audit WHERE run_id = $run_id
    UNION ALL
    SELECT 'sizing_summary', portfolio_id FROM sizing_summary WHERE run_id = $run_id
    UNION ALL
    SELECT 'targets', portfolio_id FROM targets WHERE run_id = $run_id
    UNION ALL
    SELECT 'trade_summary', portfolio_id FROM trade_summary WHERE run_id = $run_id
    UNION ALL
    SELECT 'constraint_checks', portfolio_id FROM constraint_checks WHERE run_id = $run_id
    UNION ALL
    SELECT 'lifecycle', portfolio_id FROM lifecycle WHERE run_id = $run_id
) AS written
WHERE NOT EXISTS (
    SELECT 1
    FROM (SELECT portfolio_id FROM run_portfolios WHERE run_id = $run_id) AS portfolios
    WHERE portfolios.portfolio_id = written.portfolio_id
)
GROUP BY written.portfolio_id, written.table_name
UNION ALL
SELECT
    targets.portfolio_id,
    format('{} is of {}, the run is of {}', targets.asset, targets.as_of_date::VARCHAR, runs.as_of_date::VARCHAR)
FROM targets
JOIN runs USING (run_id)
WHERE targets.run_id = $run_id AND targets.as_of_date <> runs.as_of_date
UNION ALL
SELECT
    NULL,
    format(
        'the estimate of {} is of {}, the run is of {}',
        risk_estimates.asset,
        risk_estimates.as_of_date::VARCHAR,
        runs.as_of_date::VARCHAR
    )
FROM risk_estimates
JOIN runs USING (run_id)
WHERE risk_estimates.run_id = $run_id AND risk_estimates.as_of_date <> runs.as_of_date
ORDER BY ALL;
