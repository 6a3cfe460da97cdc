-- For: an operator
-- Question: Which runs were last, and what are their results?
-- Returns: the ten runs with the newest events.
SELECT as_of_date, state, reason, started_at, published_at, portfolio_ids, run_id
FROM latest_runs
LIMIT 10;
