-- Grain: one row per order of the visible runs of the days. A day is a Parquet export.
-- Parameters: $days DATE[].
SELECT
    orders.portfolio_id,
    visible_runs.as_of_date,
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
JOIN visible_runs USING (run_id, portfolio_id)
WHERE visible_runs.as_of_date IN (SELECT unnest($days::DATE[]))
ORDER BY visible_runs.as_of_date, orders.portfolio_id, orders.order_rank;
