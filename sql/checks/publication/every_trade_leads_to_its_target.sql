-- Failures: trades away from the target or beyond it, actions that are not what happens to the holding, trades of what is
-- under no_trade. A change that is traded in part, or not at all, says why.
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
        coalesce(decisions.is_held AND decisions.restriction = 'no_trade', false) AS is_immovable,
        CASE
            WHEN targets.trade_weight = 0 THEN 'hold'
            WHEN targets.current_weight = 0 THEN 'open'
            WHEN targets.current_weight + targets.trade_weight = 0 THEN 'close'
            WHEN targets.trade_weight > 0 THEN 'increase'
            ELSE 'decrease'
        END AS expected_action
    FROM targets
    JOIN decisions USING (run_id, portfolio_id, asset)
    WHERE targets.run_id = $run_id AND NOT targets.is_cash
)
WHERE action <> expected_action
OR trade_weight * change < 0
OR abs(trade_weight) > abs(change)
OR (is_immovable AND (trade_weight <> 0 OR change <> 0))
OR is_immovable <> (coalesce(trade_reason, '') = 'no_trade')
OR (trade_reason = 'unchanged') <> (change = 0 AND NOT is_immovable)
OR trade_reason IS NULL
OR (trade_reason IN ('held_by_band', 'held_by_min_trade', 'held_by_turnover') AND trade_weight <> 0)
OR (trade_weight <> change AND trade_reason NOT LIKE 'held_by_%' AND trade_scale = 1)
ORDER BY ALL;
