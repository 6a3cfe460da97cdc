-- Failures: portfolios whose targets do not add up exactly to target_total_allocation of sizing_summary.
-- Parameters: $run_id VARCHAR.
SELECT
    sizing_summary.portfolio_id,
    format(
        'targets add up to {}, target_total_allocation is {}',
        coalesce(sum(targets.target_weight), 0)::VARCHAR,
        sizing_summary.target_total_allocation::VARCHAR
    ) AS detail
FROM sizing_summary
LEFT JOIN targets USING (run_id, portfolio_id)
WHERE sizing_summary.run_id = $run_id
GROUP BY sizing_summary.portfolio_id, sizing_summary.target_total_allocation
HAVING coalesce(sum(targets.target_weight), 0) <> sizing_summary.target_total_allocation
ORDER BY ALL;
