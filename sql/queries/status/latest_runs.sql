-- Grain: one row per run, newest first.
-- Parameters: none.
SELECT
    run_id,
    as_of_date,
    state,
    reason,
    started_at,
    published_at,
    flow_run_id
FROM latest_runs;
