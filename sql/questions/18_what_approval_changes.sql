-- For: an operator
-- Question: What would approving change?
-- Returns: a row per target that would differ from the visible one, the largest change of a portfolio first.
SELECT portfolio_id, asset, visible_target_weight, target_weight, weight_change, action, trade_weight, change_reason
FROM proposed_targets
WHERE change NOT IN ('unchanged', 'hold');
