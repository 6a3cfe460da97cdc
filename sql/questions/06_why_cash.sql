-- For: a portfolio manager
-- Question: On which days was cash left, which limit caused it, and what would have invested it?
-- Returns: a row per portfolio and day with cash, newest first, with the cheapest change of a limit that would place it.
SELECT as_of_date, portfolio_id, cash_weight, reachable_weight, binding_limit, relaxation
FROM cash_drag
WHERE cash_weight > 0;
