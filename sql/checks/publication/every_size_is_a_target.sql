-- Failures: sizing_audit rows without a target of the same weight. A dropped asset that is not held needs none.
-- Parameters: $run_id VARCHAR.
SELECT
    sizing_audit.portfolio_id,
    format(
        '{} was sized {}, targets has {}',
        sizing_audit.asset,
        sizing_audit.target_weight::VARCHAR,
        coalesce(targets.target_weight::VARCHAR, 'no row')
    ) AS detail
FROM sizing_audit
LEFT JOIN targets USING (run_id, portfolio_id, asset)
WHERE sizing_audit.run_id = $run_id
AND (sizing_audit.target_weight <> 0 OR sizing_audit.is_held OR targets.asset IS NOT NULL)
AND sizing_audit.target_weight IS DISTINCT FROM targets.target_weight
ORDER BY ALL;
