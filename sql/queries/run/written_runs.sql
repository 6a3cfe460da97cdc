-- Grain: one row per run that was ever published or proposed, in the order in which its rows were written.
-- Parameters: none.
SELECT
    run_id,
    min(happened_at) AS written_at
FROM run_events
WHERE state IN ('published', 'proposed')
GROUP BY run_id
ORDER BY min(event_id);
