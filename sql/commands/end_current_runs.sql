-- Ends what was the newest visible day of the portfolios of which the runs bring a later one.
-- Parameters: $run_ids VARCHAR[]: just published, of different days, and recorded in visibility.
UPDATE visibility
SET current_until = published.published_at
FROM (
    SELECT portfolio_id, max(as_of_date) AS as_of_date, max(published_at) AS published_at
    FROM visibility
    WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[]))
    GROUP BY portfolio_id
) AS published
WHERE visibility.portfolio_id = published.portfolio_id
AND visibility.as_of_date < published.as_of_date
AND visibility.current_until IS NULL;
