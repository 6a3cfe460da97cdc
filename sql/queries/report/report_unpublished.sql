-- Grain: the last run of the day of which nothing is visible, one row or none.
-- Parameters: $day DATE.
SELECT run_id
FROM latest_runs
ANTI JOIN visible_runs USING (run_id)
WHERE as_of_date = $day::DATE AND state <> 'superseded'
LIMIT 1;
