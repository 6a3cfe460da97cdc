-- Ends the visibility of what the runs replace: the targets of their portfolios and days.
-- Parameters: $run_ids VARCHAR[]: just published, of different days, and recorded in visibility.
UPDATE visibility
SET
    visible_until = published.published_at,
    current_until = coalesce(visibility.current_until, published.published_at)
FROM (
    SELECT portfolio_id, as_of_date, max(published_at) AS published_at, max(event_id) AS event_id
    FROM visibility
    WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[]))
    GROUP BY portfolio_id, as_of_date
) AS published
WHERE visibility.portfolio_id = published.portfolio_id
AND visibility.as_of_date = published.as_of_date
AND visibility.event_id < published.event_id
AND visibility.visible_until IS NULL;
