-- Grain: one row per open proposal that a run of $run_ids replaces: another run of the same or a later day that has a
-- portfolio in common with it; of several the latest.
-- Parameters: $run_ids VARCHAR[].
SELECT
    waiting.run_id,
    arg_max(runs.run_id, (runs.as_of_date, runs.run_id)) AS replaced_by,
    max(runs.as_of_date) AS as_of_date
FROM (
    SELECT run_id, max(event_id) AS event_id
    FROM run_events
    SEMI JOIN proposals USING (run_id)
    WHERE state NOT IN ('unchanged', 'held')
    GROUP BY run_id
    HAVING arg_max(state, event_id) = 'proposed'
) AS waiting
JOIN runs AS proposed ON proposed.run_id = waiting.run_id
JOIN run_portfolios AS waiting_portfolio ON waiting_portfolio.run_id = waiting.run_id
JOIN run_portfolios AS replacing USING (portfolio_id)
JOIN runs ON runs.run_id = replacing.run_id AND runs.run_id <> waiting.run_id AND runs.as_of_date >= proposed.as_of_date
WHERE replacing.run_id IN (SELECT unnest($run_ids::VARCHAR[]))
GROUP BY waiting.run_id
ORDER BY min(waiting.event_id);
