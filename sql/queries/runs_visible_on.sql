-- Grain: one row per run of which targets of the day are visible.
-- Parameters: $as_of_date DATE.
SELECT DISTINCT run_id
FROM visible_runs
WHERE as_of_date = $as_of_date
ORDER BY run_id;
