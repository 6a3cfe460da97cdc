-- Failures: proposals without the event with which they were made, events of proposals without their rows, and
-- portfolios of a proposed run that its proposal leaves out.
-- Parameters: none.
SELECT format('event {} of run {} is no proposal, and proposals has rows of it', event_id, run_id) AS detail
FROM (SELECT DISTINCT event_id, run_id FROM proposals)
ANTI JOIN (FROM run_events WHERE state = 'proposed') USING (event_id, run_id)
UNION ALL
SELECT format('run {} was proposed with event {}, and proposals has nothing of {}', run_id, event_id, portfolio_id)
FROM (
    SELECT run_events.run_id, run_events.event_id, run_portfolios.portfolio_id
    FROM run_events
    JOIN run_portfolios USING (run_id)
    WHERE run_events.state = 'proposed'
)
ANTI JOIN proposals USING (run_id, event_id, portfolio_id)
ORDER BY ALL;
