-- Failures: positions above max_single_position of the run's config, where dynamic sizing is enabled. What is under
-- no_trade retains its weight whatever the limits.
-- Parameters: $run_id VARCHAR.
SELECT
    targets.portfolio_id,
    format(
        '{} has {}, max_single_position is {}',
        targets.asset,
        targets.target_weight::VARCHAR,
        run_limits.max_single_position::VARCHAR
    ) AS detail
FROM targets
JOIN run_limits USING (run_id, portfolio_id)
WHERE targets.run_id = $run_id
AND run_limits.enable_dynamic_sizing
AND NOT targets.is_cash
AND targets.target_weight > run_limits.max_single_position
AND NOT EXISTS (
    SELECT 1
    FROM decisions
    WHERE decisions.run_id = $run_id
    AND decisions.portfolio_id = targets.portfolio_id
    AND decisions.asset = targets.asset
    AND decisions.is_held
    AND decisions.restriction = 'no_trade'
)
ORDER BY ALL;
