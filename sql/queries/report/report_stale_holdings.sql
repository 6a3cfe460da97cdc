-- Grain: one row per holding whose score is too old to act on, in a run named.
-- Parameters: $run_ids VARCHAR[].
SELECT run_id, portfolio_id, asset
FROM decisions
WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[])) AND is_held AND is_score_stale
ORDER BY ALL;
