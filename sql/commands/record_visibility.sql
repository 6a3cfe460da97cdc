-- Appends a row to visibility for each portfolio of the runs. One that has a later visible day is never current.
-- Parameters: $run_ids VARCHAR[]: just published, of different days; what they replace is not ended yet.
INSERT INTO visibility BY NAME
SELECT
    portfolio_id,
    as_of_date,
    run_id,
    event_id,
    published_at,
    if(is_newest, NULL, published_at) AS current_until,
    coalesce(as_of_date > day_before, true)
    AND coalesce(held_run_id = run_before, true)
    AND (NOT coalesce(reads_states, false) OR state_run_id IS NOT DISTINCT FROM run_before) AS is_in_order
FROM (
    SELECT
        run_portfolios.*,
        runs.as_of_date,
        published.event_id,
        published.published_at,
        lead(run_id) OVER every_day IS NULL AND coalesce(runs.as_of_date >= current_runs.as_of_date, true) AS is_newest,
        greatest(lag(runs.as_of_date) OVER every_day, current_runs.as_of_date) AS day_before,
        if(
            lag(runs.as_of_date) OVER every_day >= coalesce(current_runs.as_of_date, '-infinity'),
            lag(run_id) OVER every_day,
            current_runs.run_id
        ) AS run_before
    FROM (
        SELECT run_id, max(event_id) AS event_id, max(happened_at) AS published_at
        FROM run_events
        WHERE state = 'published' AND run_id IN (SELECT unnest($run_ids::VARCHAR[]))
        GROUP BY run_id
    ) AS published
    JOIN runs USING (run_id)
    JOIN run_portfolios USING (run_id)
    LEFT JOIN current_runs ON current_runs.portfolio_id = run_portfolios.portfolio_id
    WINDOW every_day AS (PARTITION BY run_portfolios.portfolio_id ORDER BY runs.as_of_date)
)
ORDER BY event_id, portfolio_id;
