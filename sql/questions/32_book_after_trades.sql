-- For: a portfolio manager
-- Question: What is held after today's trades, and does it add up?
-- Returns: a row per portfolio: what is invested before and after, cash after, and whether all sums are exact.
SELECT
    portfolio_id,
    sum(current_weight) FILTER (NOT is_cash) AS invested_before,
    sum(post_trade_weight) FILTER (NOT is_cash) AS invested_after,
    sum(post_trade_weight) FILTER (is_cash) AS cash_after,
    count(*) FILTER (NOT is_cash AND post_trade_weight > 0) AS n_positions,
    sum(trade_weight) AS trades_in_all,
    sum(current_weight) = any_value(target_total_allocation)
    AND sum(target_weight) = any_value(target_total_allocation)
    AND sum(post_trade_weight) = any_value(target_total_allocation)
    AND sum(trade_weight) = 0 AS adds_up
FROM current_targets
JOIN run_limits USING (run_id, portfolio_id)
GROUP BY portfolio_id
ORDER BY portfolio_id;
