-- Grain: one row per run that was ever published, superseded since or not: by day, then in the order of publication.
-- Parameters: $run_id VARCHAR, $first DATE, $last DATE; null selects all.
SELECT
    runs.run_id,
    runs.as_of_date
FROM runs
JOIN (
    SELECT
        run_id,
        min(event_id) AS first_published
    FROM run_events
    WHERE state = 'published'
    GROUP BY run_id
) AS publications USING (run_id)
WHERE coalesce(runs.run_id = $run_id::VARCHAR, true)
AND coalesce(runs.as_of_date >= $first::DATE, true)
AND coalesce(runs.as_of_date <= $last::DATE, true)
ORDER BY runs.as_of_date, publications.first_published;
