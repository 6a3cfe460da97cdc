-- For: an operator
-- Question: What is halted, since when, by whom and why?
-- Returns: a row per halted portfolio, and one for all of them when nothing at all is published; none when all is well.
SELECT coalesce(portfolio_id, 'all portfolios') AS halted, since, "by", reason
FROM halts_in_force;
