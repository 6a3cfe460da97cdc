-- Grain: one row per portfolio: the result of the orders of the day, or of each portfolio's newest.
-- Parameters: $portfolio_ids VARCHAR[] (empty: all), $as_of_date DATE (null: the newest).
SELECT
    portfolio_id,
    as_of_date,
    run_id,
    status,
    explanation
FROM visible_order_status
WHERE as_of_date = coalesce($as_of_date::DATE, as_of_date)
    AND (len($portfolio_ids::VARCHAR[]) = 0 OR list_contains($portfolio_ids::VARCHAR[], portfolio_id))
QUALIFY row_number() OVER (PARTITION BY portfolio_id ORDER BY as_of_date DESC) = 1
ORDER BY portfolio_id;
