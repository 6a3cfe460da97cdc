-- For: an execution desk
-- Question: Which portfolios have no orders today, and what is missing?
-- Returns: a row per portfolio that trades and has none, with why; its targets stand.
SELECT portfolio_id, as_of_date, status, explanation
FROM current_order_status
WHERE status NOT IN ('ordered', 'no_trades')
ORDER BY portfolio_id;
