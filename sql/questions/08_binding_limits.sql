-- For: a portfolio manager
-- Question: Which limits bind today, and which minimum was not attainable?
-- Returns: a row per portfolio, limit and basis at or beyond its value; a missed one has its reason.
SELECT portfolio_id, constraint_name, basis, limit_value, value, reached_by, is_missed, reason
FROM constraints_today
WHERE is_binding OR is_missed;
