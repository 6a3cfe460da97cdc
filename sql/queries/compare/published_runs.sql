-- Grain: one row per run that was ever published, the newest first.
-- Parameters: none.
SELECT run_id
FROM publications
GROUP BY run_id
ORDER BY max(published_at) DESC;
