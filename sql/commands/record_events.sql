-- Appends the rows of incoming (place, run_id, state, by, reason) to run_events in the order of their place, all at
-- $happened_at, or at the time of the event before them when the clock was set back since. Returns when.
-- Parameters: $happened_at.
INSERT INTO run_events BY NAME
SELECT
    before.event_id + row_number() OVER (ORDER BY incoming.place) AS event_id,
    incoming.run_id,
    incoming.state,
    greatest($happened_at::TIMESTAMPTZ, before.happened_at) AS happened_at,
    incoming."by",
    incoming.reason
FROM incoming
CROSS JOIN (SELECT coalesce(max(event_id), 0) AS event_id, max(happened_at) AS happened_at FROM run_events) AS before
RETURNING happened_at;
