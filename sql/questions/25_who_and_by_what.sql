-- For: an auditor
-- Question: Who published what, when, and by which code and config?
-- Returns: a row per event of the runs of a day, in their order.
SELECT
    run_events.happened_at,
    run_events.state,
    run_events."by",
    run_events.reason,
    runs.code_fingerprint,
    runs.config_fingerprint
FROM run_events
JOIN runs USING (run_id)
WHERE runs.as_of_date = DATE '2025-06-06'
ORDER BY run_events.event_id;
