-- Grain: one row per run that was ever published, in the order of the first publication, which wrote its rows.
-- Parameters: none.
SELECT
    run_id,
    min(happened_at) AS written_at
FROM run_events
WHERE state = 'published'
GROUP BY run_id
ORDER BY min(event_id);
