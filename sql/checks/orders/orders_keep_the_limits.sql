-- Failures: purchases that lift an asset above max_single_position or its own cap, or a bucket above its limit, at the
-- reference prices.
-- Traded assets without an order are left out of their bucket: what they are worth is not stored.
-- Parameters: $run_id VARCHAR.
WITH ordered AS (
    SELECT
        orders.portfolio_id,
        orders.asset,
        targets.bucket,
        orders.side,
        sizing_audit.position_cap,
        order_status.portfolio_value,
        (
            orders.quantity_before + CASE orders.side WHEN 'buy' THEN 1 ELSE -1 END * orders.quantity
        )::DECIMAL(20, 8) * orders.reference_price AS value_after
    FROM orders
    JOIN targets USING (run_id, portfolio_id, asset)
    JOIN order_status USING (run_id, portfolio_id)
    LEFT JOIN sizing_audit USING (run_id, portfolio_id, asset)
    WHERE orders.run_id = $run_id AND order_status.status = 'ordered'
),
limits AS (
    SELECT
        portfolio_id,
        max_single_position,
        max_allocation_per_bucket,
        max_allocation_by_bucket,
        enable_bucket_diversification
    FROM run_limits
    WHERE run_id = $run_id AND enable_dynamic_sizing
),
held AS (
    SELECT portfolio_id, bucket, portfolio_value, value_after, side = 'buy' AS is_bought
    FROM ordered
    UNION ALL
    SELECT
        targets.portfolio_id,
        targets.bucket,
        order_status.portfolio_value,
        targets.current_weight * order_status.portfolio_value,
        false
    FROM targets
    JOIN order_status USING (run_id, portfolio_id)
    WHERE targets.run_id = $run_id
        AND NOT targets.is_cash
        AND targets.trade_weight = 0
        AND order_status.status = 'ordered'
)
SELECT
    ordered.portfolio_id,
    format('{} is worth {} when it is bought', ordered.asset, ordered.value_after::VARCHAR) AS detail
FROM ordered
JOIN limits USING (portfolio_id)
WHERE ordered.side = 'buy'
    AND ordered.value_after
    > coalesce(ordered.position_cap, limits.max_single_position) * ordered.portfolio_value
UNION ALL
SELECT
    held.portfolio_id,
    format('bucket {} is worth {} when all is bought', held.bucket, sum(held.value_after)::VARCHAR)
FROM held
JOIN limits USING (portfolio_id)
WHERE limits.enable_bucket_diversification
GROUP BY held.portfolio_id, held.bucket
HAVING bool_or(held.is_bought)
AND sum(held.value_after) > any_value(
    coalesce(limits.max_allocation_by_bucket[held.bucket], limits.max_allocation_per_bucket) * held.portfolio_value
)
ORDER BY ALL;
