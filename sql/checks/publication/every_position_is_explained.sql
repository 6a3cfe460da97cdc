-- Failures: positions without a sizing_audit row of the same weight.
-- Parameters: $run_id VARCHAR.
SELECT
    targets.portfolio_id,
    format(
        '{} has {}, sizing_audit has {}',
        targets.asset,
        targets.target_weight::VARCHAR,
        coalesce(sizing_audit.target_weight::VARCHAR, 'no row')
    ) AS detail
FROM targets
LEFT JOIN sizing_audit USING (run_id, portfolio_id, asset)
WHERE targets.run_id = $run_id
AND NOT targets.is_cash
AND targets.target_weight > 0
AND targets.target_weight IS DISTINCT FROM sizing_audit.target_weight
ORDER BY ALL;
