-- Grain: one row per run of the days, whatever became of it.
-- Parameters: $days DATE[].
SELECT
    run_id,
    as_of_date
FROM runs
WHERE as_of_date IN (SELECT unnest($days::DATE[]))
ORDER BY as_of_date, run_id;
