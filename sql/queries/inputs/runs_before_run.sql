-- Grain: one row per portfolio that had a run before the day of a run: the one of the latest day that was visible when the
-- run was created. Runs of a backfill are created together: each sees those of the days before it.
-- Parameters: $run_id VARCHAR.
SELECT
    portfolio_id,
    arg_max(published.run_id, (published.as_of_date, published.event_id)) AS run_id
FROM (
    SELECT unnest(portfolio_ids) AS portfolio_id, as_of_date, created_at
    FROM runs
    WHERE run_id = $run_id
) AS asked
JOIN (
    SELECT unnest(runs.portfolio_ids) AS portfolio_id, runs.*, run_events.happened_at, run_events.event_id
    FROM run_events
    JOIN runs USING (run_id)
    WHERE run_events.state = 'published'
) AS published USING (portfolio_id)
WHERE published.as_of_date < asked.as_of_date
AND (published.happened_at <= asked.created_at OR published.created_at = asked.created_at)
GROUP BY portfolio_id
ORDER BY portfolio_id;
