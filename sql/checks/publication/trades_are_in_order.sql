-- Failures: trades without a place in the order, places without a trade, two trades at one place, purchases before
-- sales, smaller trades before larger ones: execution trades in this order, and sales pay for purchases.
-- Parameters: $run_id VARCHAR.
SELECT
    portfolio_id,
    format('{} trades {} at place {}', asset, trade_weight::VARCHAR, coalesce(trade_rank::VARCHAR, 'null')) AS detail
FROM (
    SELECT
        *,
        CASE
            WHEN trade_weight <> 0 AND NOT is_cash
            THEN row_number() OVER (
                PARTITION BY portfolio_id
                ORDER BY is_cash OR trade_weight = 0, trade_weight > 0, abs(trade_weight) DESC, asset
            )
        END AS expected_rank
    FROM targets
    WHERE run_id = $run_id
)
WHERE trade_rank IS DISTINCT FROM expected_rank
ORDER BY ALL;
