-- Grain: one row per portfolio of which targets of the day, or of a day before it, are visible: the newest such run.
-- Parameters: $day DATE.
SELECT
    portfolio_id,
    as_of_date,
    run_id
FROM visible_runs
WHERE as_of_date <= $day::DATE
QUALIFY row_number() OVER (PARTITION BY portfolio_id ORDER BY as_of_date DESC) = 1
ORDER BY portfolio_id;
