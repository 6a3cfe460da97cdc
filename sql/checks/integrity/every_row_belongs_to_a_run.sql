-- Failures: rows and events of runs that are not recorded, and recorded runs to which nothing ever happened.
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
)
ANTI JOIN runs USING (run_id)
GROUP BY table_name, run_id
UNION ALL
SELECT format('run {} has no event', run_id)
FROM runs
ANTI JOIN run_events USING (run_id)
ORDER BY ALL;
