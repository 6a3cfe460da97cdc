-- Failures: positions that are not pinned and below min_position_size of the run's config, where dynamic sizing is
-- enabled; negative ones anywhere. A weight of 0 is no position.
-- Parameters: $run_id VARCHAR.
SELECT
    targets.portfolio_id,
    format(
        '{} has {}, min_position_size is {}',
        targets.asset,
        targets.target_weight::VARCHAR,
        run_limits.min_position_size::VARCHAR
    ) AS detail
FROM targets
JOIN run_limits USING (run_id, portfolio_id)
WHERE targets.run_id = $run_id
AND NOT targets.is_cash
AND (
    targets.target_weight < 0
    OR (
        run_limits.enable_dynamic_sizing
        AND NOT targets.is_pinned
        AND targets.target_weight > 0
        AND targets.target_weight < run_limits.min_position_size
    )
)
ORDER BY ALL;
