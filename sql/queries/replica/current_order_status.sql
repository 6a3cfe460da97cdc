-- Grain: one row per portfolio: the result of the orders of the published run of its latest day.
-- Parameters: none.
FROM current_order_status
ORDER BY portfolio_id;
