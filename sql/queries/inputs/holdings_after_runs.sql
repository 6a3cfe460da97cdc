-- Grain: one row per portfolio and position of the runs: what is held when everything was traded.
-- Parameters: $run_ids VARCHAR[].
SELECT
    run_id,
    portfolio_id,
    asset,
    target_weight AS current_weight
FROM targets
WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[])) AND NOT is_cash AND target_weight > 0
ORDER BY portfolio_id, asset, run_id;
