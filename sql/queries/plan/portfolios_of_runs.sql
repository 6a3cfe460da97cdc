-- Grain: one row per portfolio and requested run. Turnover is one-way, as in the view turnover. What the trades come to
-- is null of a run before V011; volatilities, a year's, where no limit reads returns.
-- Parameters: $portfolio_ids VARCHAR[], $run_ids VARCHAR[], which belong together.
SELECT
    targets.portfolio_id,
    targets.run_id,
    count(*) FILTER (NOT targets.is_cash AND targets.target_weight > 0) AS n_positions,
    count(*) FILTER (targets.action = 'open') AS n_open,
    count(*) FILTER (targets.action = 'close') AS n_close,
    coalesce(sum(abs(targets.trade_weight)) FILTER (NOT targets.is_cash), 0) / 2 AS turnover,
    coalesce(sum(targets.target_weight) FILTER (targets.is_cash), 0)::DECIMAL(10, 8) AS cash_weight,
    (
        SELECT coalesce(list(DISTINCT constraint_name ORDER BY constraint_name), [])
        FROM constraint_checks
        WHERE
            constraint_checks.run_id = targets.run_id
            AND constraint_checks.portfolio_id = targets.portfolio_id
            AND constraint_checks.is_binding
    ) AS binding_limits,
    any_value(trade_summary.bought_weight) AS bought_weight,
    any_value(trade_summary.sold_weight) AS sold_weight,
    any_value(trade_summary.n_held_back) AS n_held_back,
    any_value(trade_summary.n_released) AS n_released,
    any_value(trade_summary.trade_scale) AS trade_scale,
    any_value(trade_summary.invested_after_weight) AS invested_after_weight,
    any_value(trade_summary.cash_after_weight) AS cash_after_weight,
    any_value(sizing_summary.portfolio_volatility) AS portfolio_volatility,
    any_value(sizing_summary.unscaled_volatility) AS unscaled_volatility,
    any_value(sizing_summary.risk_scale) AS risk_scale
FROM targets
JOIN (
    SELECT
        unnest($portfolio_ids::VARCHAR[]) AS portfolio_id,
        unnest($run_ids::VARCHAR[]) AS run_id
) AS requested ON requested.portfolio_id = targets.portfolio_id AND requested.run_id = targets.run_id
LEFT JOIN trade_summary ON trade_summary.run_id = targets.run_id AND trade_summary.portfolio_id = targets.portfolio_id
LEFT JOIN sizing_summary
    ON sizing_summary.run_id = targets.run_id AND sizing_summary.portfolio_id = targets.portfolio_id
GROUP BY targets.portfolio_id, targets.run_id
ORDER BY targets.portfolio_id;
