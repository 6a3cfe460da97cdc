-- Failures: publications of a portfolio and day that visibility does not have, or has in another way: what was visible
-- when follows from the events, computed again.
-- Parameters: none.
WITH expected AS (
    SELECT
        portfolio_id,
        as_of_date,
        run_id,
        event_id,
        published_at,
        visible_until,
        CASE
            WHEN visible_until IS NOT NULL OR replaced_from IS NOT NULL
            THEN greatest(published_at, least(visible_until, replaced_from))
        END AS current_until,
        coalesce(as_of_date > before.as_of_date, true)
        AND coalesce(held_run_id = before.run_id, true)
        AND (NOT coalesce(reads_states, false) OR state_run_id IS NOT DISTINCT FROM before.run_id) AS is_in_order
    FROM (
        SELECT
            run_portfolios.*,
            runs.as_of_date,
            run_events.event_id,
            run_events.happened_at AS published_at,
            lead(run_events.happened_at) OVER (
                PARTITION BY run_portfolios.portfolio_id, runs.as_of_date ORDER BY run_events.event_id
            ) AS visible_until,
            -- The first publication of any later day.
            min(run_events.happened_at) OVER (
                PARTITION BY run_portfolios.portfolio_id
                ORDER BY runs.as_of_date
                RANGE BETWEEN INTERVAL 1 DAY FOLLOWING AND UNBOUNDED FOLLOWING
            ) AS replaced_from,
            -- What was current when it was published.
            max({'as_of_date': runs.as_of_date, 'event_id': run_events.event_id, 'run_id': run_events.run_id}) OVER (
                PARTITION BY run_portfolios.portfolio_id
                ORDER BY run_events.event_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS before
        FROM run_events
        JOIN runs USING (run_id)
        JOIN run_portfolios USING (run_id)
        WHERE run_events.state = 'published'
    )
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
GROUP BY portfolio_id, as_of_date, run_id, event_id, published_at, visible_until, current_until, is_in_order
HAVING sum(n_stored) <> sum(n_expected)
ORDER BY ALL;
