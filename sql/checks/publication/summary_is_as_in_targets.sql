-- Failures: portfolios whose cash_weight or invested_weight in sizing_summary is not that of their targets.
-- Parameters: $run_id VARCHAR.
SELECT
    sizing_summary.portfolio_id,
    format(
        'sizing_summary has cash {} and invested {}, targets have {} and {}',
        sizing_summary.cash_weight::VARCHAR,
        sizing_summary.invested_weight::VARCHAR,
        coalesce(sum(targets.target_weight) FILTER (targets.is_cash), 0)::VARCHAR,
        coalesce(sum(targets.target_weight) FILTER (NOT targets.is_cash), 0)::VARCHAR
    ) AS detail
FROM sizing_summary
LEFT JOIN targets USING (run_id, portfolio_id)
WHERE sizing_summary.run_id = $run_id
GROUP BY sizing_summary.portfolio_id, sizing_summary.cash_weight, sizing_summary.invested_weight
HAVING sizing_summary.cash_weight <> coalesce(sum(targets.target_weight) FILTER (targets.is_cash), 0)
OR sizing_summary.invested_weight <> coalesce(sum(targets.target_weight) FILTER (NOT targets.is_cash), 0)
ORDER BY ALL;
