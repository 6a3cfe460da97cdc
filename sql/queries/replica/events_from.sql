-- Grain: one row per event with this number or a higher one, in the order in which things happened.
-- Parameters: $event_id BIGINT.
SELECT
    event_id,
    run_id,
    state,
    happened_at,
    "by",
    reason
FROM run_events
WHERE event_id >= $event_id
ORDER BY event_id;
