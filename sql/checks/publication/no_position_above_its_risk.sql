-- Failures: positions that are not pinned above the cap that max_position_risk leaves them, or whose weight x volatility
-- is above it, both exact; caps that are missing or above max_single_position.
-- Since: V015. Parameters: $run_id VARCHAR.
SELECT
    sizing_audit.portfolio_id,
    format(
        '{} has {} x {} a year, max_position_risk is {}, its cap is {}',
        sizing_audit.asset,
        sizing_audit.target_weight::VARCHAR,
        coalesce(sizing_audit.volatility::VARCHAR, 'null'),
        run_limits.max_position_risk::VARCHAR,
        coalesce(sizing_audit.position_cap::VARCHAR, 'null')
    ) AS detail
FROM sizing_audit
JOIN run_limits USING (run_id, portfolio_id)
WHERE sizing_audit.run_id = $run_id
AND run_limits.max_position_risk IS NOT NULL
AND sizing_audit.pinned_weight IS NULL
AND NOT coalesce(
    sizing_audit.target_weight <= sizing_audit.position_cap
    AND sizing_audit.position_cap <= run_limits.max_single_position
    -- Stored to 1e-8, so both are exact as decimals.
    AND sizing_audit.position_cap * sizing_audit.volatility::DECIMAL(18, 8) <= run_limits.max_position_risk,
    false
)
ORDER BY ALL;
