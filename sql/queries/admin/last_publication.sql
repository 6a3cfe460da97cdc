-- Grain: the publication that happened last, one row or none.
-- Parameters: none.
SELECT
    run_events.event_id,
    run_events.run_id,
    runs.as_of_date,
    run_events.happened_at AS published_at
FROM run_events
JOIN runs USING (run_id)
WHERE run_events.state = 'published'
ORDER BY run_events.event_id DESC
LIMIT 1;
