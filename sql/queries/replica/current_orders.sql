-- Grain: one row per order of the published run of each portfolio's latest day.
-- Parameters: none.
FROM current_orders
ORDER BY portfolio_id, order_rank;
