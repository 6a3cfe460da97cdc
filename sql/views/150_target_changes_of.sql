-- Grain: one row per portfolio and asset: the published targets of the day against the portfolio's day before.
-- Columns as in: differences_of
CREATE OR REPLACE MACRO target_changes_of(day) AS TABLE
FROM differences_of((
    SELECT list({'portfolio_id': portfolio_id, 'run_id': run_id, 'previous_run_id': previous_run_id})
    FROM (
        SELECT
            portfolio_id,
            as_of_date,
            run_id,
            lag(run_id) OVER every_day AS previous_run_id
        FROM visible_runs
        WINDOW every_day AS (PARTITION BY portfolio_id ORDER BY as_of_date)
    )
    WHERE as_of_date = day::DATE
));

COMMENT ON MACRO TABLE target_changes_of IS 'target_changes_of(day DATE): one row per portfolio and asset: the published targets of the day against the portfolio''s published day before, and why. The same columns as target_changes.';
