-- Appends a row to proposals for each portfolio of the run, of the event with which it was just proposed.
-- Parameters: $run_id, $reasons (JSON object of portfolio_id to words), $four_eyes VARCHAR[].
INSERT INTO proposals BY NAME
SELECT
    proposed.event_id,
    run_portfolios.run_id,
    run_portfolios.portfolio_id,
    ($reasons::JSON::MAP(VARCHAR, VARCHAR))[run_portfolios.portfolio_id] AS reason,
    list_contains($four_eyes::VARCHAR[], run_portfolios.portfolio_id) AS needs_four_eyes,
    proposed."by" AS proposed_by,
    proposed.happened_at AS proposed_at
FROM run_portfolios
JOIN (FROM run_events WHERE run_id = $run_id ORDER BY event_id DESC LIMIT 1) AS proposed USING (run_id)
RETURNING event_id;
