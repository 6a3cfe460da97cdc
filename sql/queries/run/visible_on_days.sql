-- Grain: one row per portfolio and day of which targets are visible, with the run they come from.
-- Parameters: $days DATE[].
SELECT
    as_of_date,
    portfolio_id,
    run_id
FROM visible_runs
WHERE as_of_date IN (SELECT unnest($days::DATE[]))
ORDER BY as_of_date, portfolio_id;
