-- Grain: one row per day that has a run, or scores, the newest first.
-- Parameters: $n_days INTEGER.
FROM run_health
LIMIT $n_days;
