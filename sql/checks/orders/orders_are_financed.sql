-- Failures: orders that, done in the order of order_rank at the reference prices, leave less cash than there was before the
-- first and less than 0.
-- Parameters: $run_id VARCHAR.
SELECT
    portfolio_id,
    format('after {} at place {} cash is {}', asset, order_rank, cash::VARCHAR) AS detail
FROM (
    SELECT
        orders.portfolio_id,
        orders.asset,
        orders.order_rank,
        money.cash_before,
        money.cash_before - sum(
            CASE orders.side WHEN 'buy' THEN 1 ELSE -1 END * (orders.quantity * orders.reference_price)
        ) OVER (PARTITION BY orders.portfolio_id ORDER BY orders.order_rank) AS cash
    FROM orders
    JOIN (
        SELECT
            targets.run_id,
            targets.portfolio_id,
            targets.current_weight * order_status.portfolio_value AS cash_before
        FROM targets
        JOIN order_status USING (run_id, portfolio_id)
        WHERE targets.run_id = $run_id AND targets.is_cash AND order_status.status = 'ordered'
    ) AS money USING (run_id, portfolio_id)
    WHERE orders.run_id = $run_id
)
WHERE cash < least(cash_before, 0)
ORDER BY ALL;
