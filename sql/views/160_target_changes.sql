-- Grain: one row per portfolio and asset: current_targets against the portfolio's published day before.
-- Columns as in: differences_of
CREATE OR REPLACE VIEW target_changes AS
FROM differences_of((
    SELECT list({'portfolio_id': portfolio_id, 'run_id': run_id, 'previous_run_id': previous_run_id})
    FROM (
        SELECT
            portfolio_id,
            as_of_date,
            run_id,
            lag(run_id) OVER every_day AS previous_run_id,
            lead(run_id) OVER every_day IS NULL AS is_latest
        FROM visible_runs
        WINDOW every_day AS (PARTITION BY portfolio_id ORDER BY as_of_date)
    )
    WHERE is_latest
));

COMMENT ON VIEW target_changes IS 'One row per portfolio and asset with a target now or before, and one of CASH: current_targets against the published day before, and why. Of an earlier day: target_changes_of(day).';
COMMENT ON COLUMN target_changes.as_of_date IS 'Trading day of current_targets, exchange date.';
COMMENT ON COLUMN target_changes.previous_as_of_date IS 'The published day before it, exchange date; null when there is none.';
