-- Failures: orders of what is not traded or of the other side, that are no whole lots (but for a closing, which sells all),
-- sell more than is held, or have another reason than their trade.
-- Parameters: $run_id VARCHAR.
SELECT
    orders.portfolio_id,
    format(
        '{} {} of {}, which is traded by {}, held {}, lot {}',
        orders.side,
        orders.quantity::VARCHAR,
        orders.asset,
        targets.trade_weight::VARCHAR,
        orders.quantity_before::VARCHAR,
        orders.lot_size::VARCHAR
    ) AS detail
FROM orders
JOIN targets USING (run_id, portfolio_id, asset)
WHERE orders.run_id = $run_id
    AND (
        (orders.side = 'buy') <> (targets.trade_weight > 0)
        OR targets.trade_weight = 0
        OR targets.is_cash
        OR orders.quantity <= 0
        OR (orders.side = 'sell' AND orders.quantity > orders.quantity_before)
        OR (targets.post_trade_weight = 0 AND orders.quantity <> orders.quantity_before)
        OR (targets.post_trade_weight <> 0 AND orders.quantity % orders.lot_size <> 0)
        OR orders.reason <> targets.trade_reason
    )
UNION ALL
SELECT portfolio_id, format('{} is ordered and has no target', asset)
FROM (FROM orders WHERE run_id = $run_id)
ANTI JOIN (FROM targets WHERE run_id = $run_id) AS known USING (portfolio_id, asset)
ORDER BY ALL;
