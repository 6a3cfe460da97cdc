-- Grain: one row per portfolio that had a run before the day of a run: the one of the latest day that was visible when the
-- run was created. Runs of a backfill are created together: each sees those of the days before it.
-- Parameters: $run_id VARCHAR.
SELECT
    visibility.portfolio_id,
    arg_max(visibility.run_id, (visibility.as_of_date, visibility.event_id)) AS run_id
FROM visibility
JOIN (SELECT portfolio_id FROM run_portfolios WHERE run_id = $run_id) AS covered USING (portfolio_id)
JOIN (FROM runs WHERE run_id = $run_id) AS asked ON visibility.as_of_date < asked.as_of_date
JOIN runs AS published ON published.run_id = visibility.run_id
WHERE visibility.published_at <= asked.created_at OR published.created_at = asked.created_at
GROUP BY visibility.portfolio_id
ORDER BY visibility.portfolio_id;
