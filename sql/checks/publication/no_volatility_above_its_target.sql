-- Failures: portfolios whose targets move more than target_volatility, unless something of them is pinned, or more than
-- before they were scaled; scales outside of [0, 1], missing ones where something moves, and ones without a target.
-- Since: V015. Parameters: $run_id VARCHAR.
SELECT
    sizing_summary.portfolio_id,
    format(
        'the targets move {} a year, target_volatility is {}, risk_scale {}, {} pinned positions',
        coalesce(sizing_summary.portfolio_volatility::VARCHAR, 'null'),
        coalesce(run_limits.target_volatility::VARCHAR, 'null'),
        coalesce(sizing_summary.risk_scale::VARCHAR, 'null'),
        coalesce(n_pinned, 0)
    ) AS detail
FROM sizing_summary
JOIN run_limits USING (run_id, portfolio_id)
LEFT JOIN (
    SELECT portfolio_id, count(*) AS n_pinned
    FROM sizing_audit
    WHERE run_id = $run_id AND pinned_weight IS NOT NULL AND target_weight > 0
    GROUP BY portfolio_id
) USING (portfolio_id)
WHERE sizing_summary.run_id = $run_id
AND (
    (sizing_summary.risk_scale IS NOT NULL AND run_limits.target_volatility IS NULL)
    OR (
        sizing_summary.risk_scale IS NULL
        AND run_limits.target_volatility IS NOT NULL
        AND coalesce(sizing_summary.portfolio_volatility, 0) > 0
    )
    OR NOT coalesce(sizing_summary.risk_scale BETWEEN 0 AND 1, true)
    OR (
        coalesce(sizing_summary.portfolio_volatility > run_limits.target_volatility + 1e-7, false)
        AND coalesce(n_pinned, 0) = 0
    )
    OR coalesce(sizing_summary.portfolio_volatility > sizing_summary.unscaled_volatility + 1e-7, false)
)
ORDER BY ALL;
