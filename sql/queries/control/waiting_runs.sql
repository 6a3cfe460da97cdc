-- Grain: one row per run that waits for approval, oldest proposal first.
-- Parameters: none.
SELECT run_id
FROM run_events
SEMI JOIN proposals USING (run_id)
WHERE state NOT IN ('unchanged', 'held')
GROUP BY run_id
HAVING arg_max(state, event_id) = 'proposed'
ORDER BY max(event_id);
