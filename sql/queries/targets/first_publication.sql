-- Grain: one row: when targets became visible for the first time, UTC; null when never.
-- Parameters: none.
SELECT min(published_at) AS published_at
FROM visibility;
