-- Grain: one row per portfolio and asset, and one of CASH: the visible targets of a day against those of an earlier one.
-- Parameters: $from_day DATE (null: the portfolio's published day before), $to_day DATE (null: its newest).
FROM differences_of((
    SELECT list({'portfolio_id': portfolio_id, 'run_id': run_id, 'previous_run_id': previous_run_id})
    FROM (
        SELECT newer.portfolio_id, newer.run_id, older.run_id AS previous_run_id
        FROM (
            SELECT
                *,
                lag(as_of_date) OVER every_day AS day_before,
                lead(as_of_date) OVER every_day IS NULL AS is_newest
            FROM visible_runs
            WINDOW every_day AS (PARTITION BY portfolio_id ORDER BY as_of_date)
        ) AS newer
        LEFT JOIN visible_runs AS older
            ON older.portfolio_id = newer.portfolio_id
            AND older.as_of_date = coalesce($from_day::DATE, newer.day_before)
        WHERE if($to_day::DATE IS NULL, newer.is_newest, newer.as_of_date = $to_day::DATE)
            AND ($from_day::DATE IS NULL OR older.run_id IS NOT NULL)
    )
));
