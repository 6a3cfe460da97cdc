-- Grain: one row per portfolio whose newest visible day this is, that trades and has no orders, with why in words.
-- Parameters: $as_of_date DATE.
SELECT
    portfolio_id,
    status,
    explanation
FROM current_order_status
WHERE as_of_date = $as_of_date::DATE AND status NOT IN ('ordered', 'no_trades')
ORDER BY portfolio_id;
