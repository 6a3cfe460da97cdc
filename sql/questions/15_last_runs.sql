-- Asked by: an operator
-- Question: What ran last, and what became of it?
-- Gives: the ten runs to which something happened last.
SELECT as_of_date, state, reason, started_at, published_at, portfolio_ids, run_id
FROM latest_runs
LIMIT 10;
