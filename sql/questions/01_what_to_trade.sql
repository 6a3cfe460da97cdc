-- For: a portfolio manager
-- Question: What do I trade today, in which order, and what do I hold then?
-- Returns: the targets of one portfolio, trades first in the order of execution, then holds and cash.
SELECT asset, action, trade_rank, current_weight, target_weight, trade_weight, target_reason
FROM current_targets
WHERE portfolio_id = 'core'
ORDER BY trade_rank NULLS LAST, asset;
