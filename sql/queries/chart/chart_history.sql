-- Grain: one row per portfolio of the run and day: cash after the trades, turnover, and the volatility of the targets with its limit and
-- the scale (null: not measured), of the days that are visible before the run's day, at most $most_days with it, and of the run itself.
-- Turnover is one-way: half of everything that is traded.
-- Parameters: $run_id VARCHAR, $portfolio_ids VARCHAR[]: of these portfolios, $most_days INTEGER.
WITH covered AS (
    SELECT run_portfolios.portfolio_id, runs.as_of_date, runs.run_id
    FROM run_portfolios
    JOIN runs USING (run_id)
    WHERE run_id = $run_id
    UNION ALL
    SELECT visible_runs.portfolio_id, visible_runs.as_of_date, visible_runs.run_id
    FROM visible_runs
    JOIN runs ON runs.run_id = $run_id
    SEMI JOIN (FROM run_portfolios WHERE run_id = $run_id) AS own ON own.portfolio_id = visible_runs.portfolio_id
    WHERE visible_runs.as_of_date < runs.as_of_date
),
latest AS (
    FROM covered
    WHERE portfolio_id IN (SELECT unnest($portfolio_ids::VARCHAR[]))
    QUALIFY row_number() OVER (PARTITION BY portfolio_id ORDER BY as_of_date DESC) <= $most_days
),
limited AS (
    SELECT run_id, portfolio_id, limit_value AS target_volatility
    FROM constraint_checks
    WHERE constraint_name = 'target_volatility'
)
SELECT
    targets.portfolio_id,
    targets.as_of_date,
    targets.run_id,
    coalesce(sum(coalesce(targets.post_trade_weight, targets.target_weight)) FILTER (targets.is_cash), 0)::DECIMAL(10, 8)
        AS cash_weight,
    coalesce(sum(abs(targets.trade_weight)) FILTER (NOT targets.is_cash), 0) / 2 AS turnover,
    any_value(sizing_summary.portfolio_volatility) AS portfolio_volatility,
    any_value(sizing_summary.risk_scale) AS risk_scale,
    any_value(limited.target_volatility) AS target_volatility
FROM targets
JOIN latest USING (run_id, portfolio_id, as_of_date)
LEFT JOIN sizing_summary USING (run_id, portfolio_id)
LEFT JOIN limited USING (run_id, portfolio_id)
GROUP BY targets.portfolio_id, targets.as_of_date, targets.run_id
ORDER BY targets.portfolio_id, targets.as_of_date;
