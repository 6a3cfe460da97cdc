-- Grain: one row per order of the visible runs of one day, or of each portfolio's newest.
-- Parameters: $portfolio_ids VARCHAR[] (empty: all), $as_of_date DATE (null: the newest).
SELECT
    orders.portfolio_id,
    latest.as_of_date,
    orders.order_rank,
    orders.order_id,
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
    SELECT run_id, portfolio_id, as_of_date
    FROM visibility
    WHERE if($as_of_date::DATE IS NULL, current_until IS NULL, visible_until IS NULL AND as_of_date = $as_of_date::DATE)
) AS latest USING (run_id, portfolio_id)
WHERE len($portfolio_ids::VARCHAR[]) = 0 OR list_contains($portfolio_ids::VARCHAR[], orders.portfolio_id)
ORDER BY orders.portfolio_id, orders.order_rank;
