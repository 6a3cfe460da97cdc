-- Grain: one row per portfolio that any run covers.
-- Parameters: none.
SELECT DISTINCT portfolio_id
FROM run_portfolios
ORDER BY portfolio_id;
