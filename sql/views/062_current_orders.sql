-- Grain: one row per order of the published run of each portfolio's latest day. Execution reads this.
-- Columns as in: orders
CREATE OR REPLACE VIEW current_orders AS
SELECT
    orders.portfolio_id,
    current_runs.as_of_date,
    orders.order_id,
    orders.order_rank,
    orders.asset,
    orders.side,
    orders.quantity,
    orders.lot_size,
    orders.reference_price,
    orders.notional,
    orders.quantity_before,
    orders.weight_before,
    orders.weight_after,
    orders.reason,
    orders.run_id
FROM orders
JOIN current_runs USING (run_id, portfolio_id);

COMMENT ON VIEW current_orders IS 'One row per order of the published run of each portfolio''s latest day. A portfolio without any: current_order_status says why.';
COMMENT ON COLUMN current_orders.as_of_date IS 'Trading day, exchange date: the latest one published for the portfolio.';
