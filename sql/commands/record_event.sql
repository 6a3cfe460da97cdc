-- Appends one row to run_events and returns when it happened: now, or the time of the event before it when the clock
-- was set back since, so that targets_as_of finds the events in the order in which they happened.
-- Parameters: $run_id, $state, $happened_at, $by, $reason.
INSERT INTO run_events BY NAME
SELECT
    coalesce(max(event_id), 0) + 1 AS event_id,
    $run_id::VARCHAR AS run_id,
    $state::VARCHAR AS state,
    greatest($happened_at::TIMESTAMPTZ, max(happened_at)) AS happened_at,
    $by::VARCHAR AS "by",
    $reason::VARCHAR AS reason
FROM run_events
RETURNING happened_at;
