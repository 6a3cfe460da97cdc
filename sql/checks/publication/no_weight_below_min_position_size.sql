-- Failures: positions that are not pinned and below min_position_size of the run's config, where dynamic sizing is
-- enabled; negative ones anywhere. A weight of 0 is no position. Where target_volatility scales positions down, the
-- minimum is scaled too, and rounded down to a unit.
-- Parameters: $run_id VARCHAR.
SELECT
    targets.portfolio_id,
    format(
        '{} has {}, min_position_size is {}{}',
        targets.asset,
        targets.target_weight::VARCHAR,
        run_limits.min_position_size::VARCHAR,
        coalesce(format(' x {}', nullif(sizing_summary.risk_scale, 1)), '')
    ) AS detail
FROM targets
JOIN run_limits USING (run_id, portfolio_id)
JOIN sizing_summary USING (run_id, portfolio_id)
WHERE targets.run_id = $run_id
AND NOT targets.is_cash
AND (
    targets.target_weight < 0
    OR (
        run_limits.enable_dynamic_sizing
        AND NOT targets.is_pinned
        AND targets.target_weight > 0
        AND if(
            coalesce(sizing_summary.risk_scale, 1) = 1,
            targets.target_weight < run_limits.min_position_size,
            targets.target_weight
            <= sizing_summary.risk_scale::DECIMAL(10, 8) * run_limits.min_position_size - 0.00000001
        )
    )
)
ORDER BY ALL;
