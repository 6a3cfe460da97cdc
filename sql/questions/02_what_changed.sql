-- For: a portfolio manager
-- Question: What changed since the day before, and why?
-- Returns: a row per target that moved, the largest change first, with what moved behind it in words.
SELECT asset, change, previous_target_weight, target_weight, change_reason
FROM target_changes
WHERE portfolio_id = 'core' AND change <> 'unchanged'
ORDER BY abs(weight_change) DESC;
