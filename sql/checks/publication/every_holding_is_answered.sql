-- Failures: held candidates without a target.
-- Parameters: $run_id VARCHAR.
SELECT
    decisions.portfolio_id,
    format('{} is held with {} and has no target', decisions.asset, decisions.current_weight::VARCHAR) AS detail
FROM decisions
ANTI JOIN targets USING (run_id, portfolio_id, asset)
WHERE decisions.run_id = $run_id AND decisions.is_held
ORDER BY ALL;
