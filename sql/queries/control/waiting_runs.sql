-- Grain: one row per run that waits for approval, oldest proposal first.
-- Parameters: none.
SELECT run_id
FROM proposal_history
WHERE outcome = 'open'
ORDER BY event_id;
