-- Asked by: an auditor
-- Question: Who published what, when, and by which code and config?
-- Gives: a row per event of the runs of a day, in the order in which things happened.
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
