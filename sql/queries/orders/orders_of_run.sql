-- Grain: one row per order of the run, with every column.
-- Parameters: $run_id VARCHAR.
FROM orders
WHERE run_id = $run_id
ORDER BY portfolio_id, order_rank;
