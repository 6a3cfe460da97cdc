-- Appends a row to visibility for each portfolio of the runs. One that has a later visible day is never current.
-- Parameters: $run_ids VARCHAR[]: just published, of different days; what they replace is ended.
INSERT INTO visibility BY NAME
SELECT
    run_portfolios.portfolio_id,
    runs.as_of_date,
    published.run_id,
    published.event_id,
    published.published_at,
    if(
        current_runs.portfolio_id IS NULL
        AND runs.as_of_date = max(runs.as_of_date) OVER (PARTITION BY run_portfolios.portfolio_id),
        NULL,
        published.published_at
    ) AS current_until
FROM (
    SELECT run_id, max(event_id) AS event_id, max(happened_at) AS published_at
    FROM run_events
    WHERE state = 'published' AND list_contains($run_ids::VARCHAR[], run_id)
    GROUP BY run_id
) AS published
JOIN runs USING (run_id)
JOIN run_portfolios USING (run_id)
LEFT JOIN current_runs ON current_runs.portfolio_id = run_portfolios.portfolio_id
ORDER BY published.event_id, run_portfolios.portfolio_id;
