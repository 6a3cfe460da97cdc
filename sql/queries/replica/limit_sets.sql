-- Grain: one row per distinct set of limits, with every column but a map.
-- Parameters: none.
SELECT * EXCLUDE (max_allocation_by_bucket)
FROM limit_sets
ORDER BY limits_key;
