-- Grain: one row per portfolio of the run and day on which its volatility was measured: the volatility of the targets with its limit,
-- and the scale, of the days that are visible before the run's day, at most $most_days with it, and of the run itself.
-- Parameters: $run_id VARCHAR, $portfolio_ids VARCHAR[]: of these portfolios, $most_days INTEGER.
WITH covered AS (
    SELECT unnest(portfolio_ids) AS portfolio_id, as_of_date, run_id
    FROM runs
    WHERE run_id = $run_id
    UNION ALL
    SELECT visible_runs.portfolio_id, visible_runs.as_of_date, visible_runs.run_id
    FROM visible_runs
    JOIN runs ON runs.run_id = $run_id
    WHERE visible_runs.as_of_date < runs.as_of_date AND list_contains(runs.portfolio_ids, visible_runs.portfolio_id)
),
latest AS (
    FROM covered
    WHERE list_contains($portfolio_ids::VARCHAR[], portfolio_id)
    QUALIFY row_number() OVER (PARTITION BY portfolio_id ORDER BY as_of_date DESC) <= $most_days
)
SELECT
    latest.portfolio_id,
    latest.as_of_date,
    sizing_summary.portfolio_volatility,
    sizing_summary.risk_scale,
    constraint_checks.limit_value AS target_volatility
FROM sizing_summary
JOIN latest USING (run_id, portfolio_id)
LEFT JOIN constraint_checks
    ON constraint_checks.run_id = latest.run_id
    AND constraint_checks.portfolio_id = latest.portfolio_id
    AND constraint_checks.constraint_name = 'target_volatility'
WHERE sizing_summary.portfolio_volatility IS NOT NULL
ORDER BY latest.portfolio_id, latest.as_of_date;
