-- Failures: rows and events of runs that are not recorded, recorded runs to which nothing ever happened, and runs whose
-- portfolios, or their limits, are not there.
-- Parameters: none.
SELECT format('{} rows in {} of run {}, which is not in runs', count(*), table_name, run_id) AS detail
FROM (
    SELECT 'decisions' AS table_name, run_id FROM decisions
    UNION ALL
    SELECT 'sizing_audit', run_id FROM sizing_audit
    UNION ALL
    SELECT 'sizing_summary', run_id FROM sizing_summary
    UNION ALL
    SELECT 'targets', run_id FROM targets
    UNION ALL
    SELECT 'trade_summary', run_id FROM trade_summary
    UNION ALL
    SELECT 'constraint_checks', run_id FROM constraint_checks
    UNION ALL
    SELECT 'lifecycle', run_id FROM lifecycle
    UNION ALL
    SELECT 'risk_estimates', run_id FROM risk_estimates
    UNION ALL
    SELECT 'orders', run_id FROM orders
    UNION ALL
    SELECT 'order_status', run_id FROM order_status
    UNION ALL
    SELECT 'run_events', run_id FROM run_events
    UNION ALL
    SELECT 'proposals', run_id FROM proposals
    UNION ALL
    SELECT 'replays', run_id FROM replays
    UNION ALL
    SELECT 'run_portfolios', run_id FROM run_portfolios
    UNION ALL
    SELECT 'visibility', run_id FROM visibility
)
ANTI JOIN runs USING (run_id)
GROUP BY table_name, run_id
UNION ALL
SELECT format(
    'run {} covers {} portfolios, run_portfolios has {} rows of {}',
    runs.run_id, runs.n_portfolios, count(own.portfolio_id), count(DISTINCT own.portfolio_id)
)
FROM runs
LEFT JOIN run_portfolios AS own USING (run_id)
GROUP BY runs.run_id, runs.n_portfolios
HAVING count(own.portfolio_id) <> runs.n_portfolios OR count(DISTINCT own.portfolio_id) <> runs.n_portfolios
UNION ALL
SELECT format('run {}, {}: its limits {} are not in limit_sets', run_id, portfolio_id, limits_key)
FROM run_portfolios
ANTI JOIN limit_sets USING (limits_key)
WHERE limits_key IS NOT NULL
UNION ALL
SELECT format('run {} has no event', run_id)
FROM runs
ANTI JOIN run_events USING (run_id)
ORDER BY ALL;
