-- Grain: one row per day of which targets are visible.
-- Parameters: none.
SELECT DISTINCT as_of_date
FROM visible_runs
ORDER BY as_of_date;
