-- For: an auditor
-- Question: What was published more than once, and what did each correction change?
-- Returns: a row per correction and target that moved; none when nothing was corrected.
SELECT corrected_at, as_of_date, portfolio_id, asset, previous_target_weight, target_weight, change_reason
FROM correction_changes
WHERE change <> 'unchanged';
