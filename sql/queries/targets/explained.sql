-- Grain: one row per step of the story of one weight, and then one per change that would move it.
-- Parameters: $portfolio_id VARCHAR, $asset VARCHAR, $as_of_date DATE.
SELECT false AS is_change, step, quantity, value, limit_value, words
FROM explain($portfolio_id, $asset, $as_of_date)
UNION ALL
SELECT true AS is_change, step, quantity, value, limit_value, words
FROM what_would_change($portfolio_id, $asset, $as_of_date)
ORDER BY is_change, step;
