-- Grain: one row per distinct set of limits of the run.
-- Parameters: $run_id VARCHAR.
SELECT
    limits_key,
    limits
FROM limit_sets
SEMI JOIN (FROM run_portfolios WHERE run_id = $run_id) AS own USING (limits_key)
ORDER BY limits_key;
