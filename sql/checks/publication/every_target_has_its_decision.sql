-- Failures: targets without a decision, of another bucket or holding than it, with a weight though it was not selected,
-- or without one though it was neither held.
-- Parameters: $run_id VARCHAR.
SELECT
    targets.portfolio_id,
    format(
        '{} in {} held with {} has target {}; its decision: {}',
        targets.asset,
        coalesce(targets.bucket, 'null'),
        targets.current_weight::VARCHAR,
        targets.target_weight::VARCHAR,
        coalesce(
            format(
                '{}, held with {}, {}',
                decisions.bucket,
                decisions.current_weight::VARCHAR,
                if(decisions.is_selected, 'selected', 'not selected')
            ),
            'none'
        )
    ) AS detail
FROM targets
LEFT JOIN decisions USING (run_id, portfolio_id, asset)
WHERE targets.run_id = $run_id
AND NOT targets.is_cash
AND (
    decisions.asset IS NULL
    OR targets.bucket IS DISTINCT FROM decisions.bucket
    OR targets.current_weight <> decisions.current_weight
    OR (targets.target_weight > 0 AND NOT decisions.is_selected)
    OR (targets.target_weight = 0 AND targets.current_weight = 0 AND NOT decisions.is_held)
)
ORDER BY ALL;
