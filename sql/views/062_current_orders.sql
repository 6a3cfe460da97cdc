-- Grain: one row per order of the published run of each portfolio's latest day. Execution reads this.
-- Columns as in: orders
CREATE OR REPLACE VIEW current_orders AS
SELECT
    orders.portfolio_id,
    newest.as_of_date,
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
JOIN (
    FROM visible_runs
    QUALIFY row_number() OVER (PARTITION BY portfolio_id ORDER BY as_of_date DESC) = 1
) AS newest USING (run_id, portfolio_id);

COMMENT ON VIEW current_orders IS 'One row per order of the published run of each portfolio''s latest day. A portfolio without any: current_order_status says why.';
COMMENT ON COLUMN current_orders.as_of_date IS 'Trading day, exchange date: the latest one published for the portfolio.';
