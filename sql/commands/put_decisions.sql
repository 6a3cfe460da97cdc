-- Makes decisions again for this connection alone, with the rows of given_decisions in the place of what is stored.
-- {warehouse}: the open database.
CREATE OR REPLACE TEMP VIEW decisions AS
FROM "{warehouse}".main.decisions
WHERE (run_id, portfolio_id) NOT IN (SELECT (run_id, portfolio_id) FROM given_decisions)
UNION ALL BY NAME
FROM given_decisions;
