-- Grain: one row: the newest day of which targets are visible; null when there is none.
-- Parameters: none.
SELECT max(as_of_date) AS as_of_date
FROM visible_runs;
