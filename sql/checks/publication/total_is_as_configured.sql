-- Failures: portfolios whose target_total_allocation is not the one of the run's config.
-- Parameters: $run_id VARCHAR.
SELECT
    sizing_summary.portfolio_id,
    format(
        'target_total_allocation is {}, configured is {}',
        sizing_summary.target_total_allocation::VARCHAR,
        coalesce(run_limits.target_total_allocation::VARCHAR, 'nothing')
    ) AS detail
FROM sizing_summary
LEFT JOIN run_limits USING (run_id, portfolio_id)
WHERE sizing_summary.run_id = $run_id
AND sizing_summary.target_total_allocation IS DISTINCT FROM run_limits.target_total_allocation
ORDER BY ALL;
