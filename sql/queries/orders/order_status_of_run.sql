-- Grain: one row per portfolio of the run that was tried to order: the last attempt.
-- Parameters: $run_id VARCHAR.
FROM order_status
WHERE run_id = $run_id
QUALIFY row_number() OVER (PARTITION BY portfolio_id ORDER BY happened_at DESC) = 1
ORDER BY portfolio_id;
