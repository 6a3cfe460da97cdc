-- Failures: publications of a portfolio and day that visibility does not have, or has with other ends: what was visible
-- when follows from the events, computed again.
-- Parameters: none.
WITH published AS (
    SELECT
        run_portfolios.portfolio_id,
        runs.as_of_date,
        run_events.run_id,
        run_events.event_id,
        run_events.happened_at AS published_at,
        lead(run_events.happened_at) OVER (
            PARTITION BY run_portfolios.portfolio_id, runs.as_of_date ORDER BY run_events.event_id
        ) AS visible_until,
        min(run_events.happened_at) OVER (
            PARTITION BY run_portfolios.portfolio_id
            ORDER BY runs.as_of_date
            RANGE BETWEEN INTERVAL 1 DAY FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS later_from
    FROM run_events
    JOIN runs USING (run_id)
    JOIN run_portfolios USING (run_id)
    WHERE run_events.state = 'published'
),
expected AS (
    SELECT
        * EXCLUDE (later_from),
        if(
            visible_until IS NULL AND later_from IS NULL,
            NULL,
            greatest(published_at, least(visible_until, later_from))
        ) AS current_until
    FROM published
)
SELECT format(
    'event {} of run {}, {} of {}: {} times in visibility, {} times as published',
    event_id, run_id, portfolio_id, as_of_date, sum(n_stored), sum(n_expected)
) AS detail
FROM (
    SELECT *, 1 AS n_stored, 0 AS n_expected FROM visibility
    UNION ALL BY NAME
    SELECT *, 0 AS n_stored, 1 AS n_expected FROM expected
)
GROUP BY portfolio_id, as_of_date, run_id, event_id, published_at, visible_until, current_until
HAVING sum(n_stored) <> sum(n_expected)
ORDER BY ALL;
