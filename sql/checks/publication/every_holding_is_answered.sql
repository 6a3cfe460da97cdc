-- Failures: held candidates without a target.
-- Parameters: $run_id VARCHAR.
SELECT
    portfolio_id,
    format('{} is held with {} and has no target', asset, any_value(current_weight)::VARCHAR) AS detail
FROM (
    SELECT portfolio_id, asset, current_weight, false AS is_target FROM decisions WHERE run_id = $run_id AND is_held
    UNION ALL
    SELECT portfolio_id, asset, NULL, true FROM targets WHERE run_id = $run_id
)
GROUP BY portfolio_id, asset
HAVING NOT bool_or(is_target)
ORDER BY ALL;
