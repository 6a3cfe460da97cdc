-- Failures: trades away from the target or beyond it, actions that are not what happens to the holding, trades of what is
-- under no_trade, and reasons that do not fit the change, the limits that hold it back, and what is traded of it.
-- Since: V011. Parameters: $run_id VARCHAR.
SELECT
    portfolio_id,
    format(
        '{} is {} with trade {}, held with {}, target {}, reason {}: expected {}, at most {}',
        asset,
        action,
        trade_weight::VARCHAR,
        current_weight::VARCHAR,
        target_weight::VARCHAR,
        coalesce(trade_reason, 'null'),
        expected_action,
        change::VARCHAR
    ) AS detail
FROM (
    SELECT
        targets.*,
        targets.target_weight - targets.current_weight AS change,
        decisions.is_held AND coalesce(decisions.restriction = 'no_trade', false) AS is_immovable,
        targets.current_weight > 0 AND targets.target_weight > 0 AS stays,
        abs(change) <= run_limits.rebalance_band * targets.current_weight AS is_within_band,
        abs(change) < run_limits.min_trade_weight AS is_small,
        run_limits.max_turnover IS NOT NULL AS is_turnover_limited,
        CASE
            WHEN targets.trade_weight = 0 THEN 'hold'
            WHEN targets.current_weight = 0 THEN 'open'
            WHEN targets.current_weight + targets.trade_weight = 0 THEN 'close'
            WHEN targets.trade_weight > 0 THEN 'increase'
            ELSE 'decrease'
        END AS expected_action,
        CASE
            WHEN is_immovable THEN ['no_trade']
            WHEN change = 0 THEN ['unchanged']
            WHEN targets.trade_weight = 0 AND stays AND is_within_band THEN ['held_by_band', 'held_by_turnover']
            WHEN targets.trade_weight = 0 AND stays AND is_small THEN ['held_by_min_trade', 'held_by_turnover']
            WHEN targets.trade_weight = 0 THEN ['held_by_turnover']
            WHEN targets.current_weight = 0 THEN ['open']
            WHEN targets.target_weight = 0 THEN ['close']
            WHEN NOT is_within_band AND NOT is_small THEN ['rebalance']
            WHEN change < 0 THEN ['above_cap', 'above_bucket_limit', 'over_allocation']
            ELSE []
        END AS expected_reasons
    FROM targets
    JOIN decisions USING (run_id, portfolio_id, asset)
    JOIN run_limits USING (run_id, portfolio_id)
    WHERE targets.run_id = $run_id AND NOT targets.is_cash
)
WHERE action <> expected_action
OR trade_weight * change < 0
OR abs(trade_weight) > abs(change)
OR (is_immovable AND change <> 0)
OR NOT coalesce(list_contains(expected_reasons, trade_reason), false)
OR (trade_reason = 'held_by_turnover' AND NOT is_turnover_limited)
OR (trade_weight NOT IN (0, change) AND NOT is_turnover_limited)
ORDER BY ALL;
