-- Grain: one row per run that was ever published or proposed, in the order in which its rows were written.
-- Parameters: none.
SELECT
    run_id,
    min(run_events.happened_at) AS written_at,
    coalesce(any_value(runs.n_portfolios), 0) AS n_portfolios
FROM run_events
LEFT JOIN runs USING (run_id)
WHERE run_events.state IN ('published', 'proposed')
GROUP BY run_id
ORDER BY min(run_events.event_id);
