-- Failures: trades that are not target less current (0 for a hold and for cash), actions that do not fit the signs, and
-- holds and trades on the wrong side of rebalance_band.
-- Parameters: $run_id VARCHAR.
SELECT
    portfolio_id,
    format(
        '{} is {} with trade {}, held with {}, target {}: expected {}',
        asset,
        action,
        trade_weight::VARCHAR,
        current_weight::VARCHAR,
        target_weight::VARCHAR,
        expected_action
    ) AS detail
FROM (
    SELECT
        targets.*,
        target_weight - current_weight AS change,
        CASE
            WHEN is_cash THEN 'hold'
            WHEN target_weight = 0 THEN 'close'
            WHEN current_weight = 0 THEN 'open'
            WHEN abs(change) <= coalesce(rebalance_band, 0) * current_weight + 1e-12 THEN 'hold'
            WHEN change > 0 THEN 'increase'
            ELSE 'decrease'
        END AS expected_action
    FROM targets
    JOIN run_limits USING (run_id, portfolio_id)
    WHERE targets.run_id = $run_id
)
WHERE action <> expected_action
OR trade_weight <> CASE WHEN action = 'hold' THEN 0 ELSE change END
ORDER BY ALL;
