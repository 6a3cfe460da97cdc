-- Grain: one row per event of the run, in the order in which things happened.
-- Parameters: $run_id VARCHAR.
SELECT
    event_id,
    state,
    happened_at,
    "by",
    reason
FROM run_events
WHERE run_id = $run_id
ORDER BY event_id;
