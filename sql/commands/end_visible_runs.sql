-- Ends the visibility of what the runs replace: the targets of their portfolios and days.
-- Parameters: $run_ids VARCHAR[]: just published, of different days, and recorded in visibility.
UPDATE visibility
SET
    visible_until = published.published_at,
    current_until = coalesce(visibility.current_until, published.published_at)
FROM (
    SELECT run_portfolios.portfolio_id, runs.as_of_date, max(run_events.happened_at) AS published_at,
        max(run_events.event_id) AS event_id
    FROM run_events
    JOIN runs USING (run_id)
    JOIN run_portfolios USING (run_id)
    WHERE run_events.state = 'published' AND list_contains($run_ids::VARCHAR[], run_events.run_id)
    GROUP BY ALL
) AS published
WHERE visibility.portfolio_id = published.portfolio_id
AND visibility.as_of_date = published.as_of_date
AND visibility.event_id < published.event_id
AND visibility.visible_until IS NULL;
