-- For: a portfolio manager
-- Question: Which changes were held back, released or scaled, and why?
-- Returns: a row per such change, the largest first: what would be traded, what is, and why; none when all is traded.
SELECT
    portfolio_id,
    asset,
    trade_reason,
    current_weight,
    target_weight,
    target_weight - current_weight AS change_weight,
    trade_weight,
    trade_scale,
    target_reason
FROM current_targets
WHERE NOT is_cash
AND (
    trade_weight <> target_weight - current_weight
    OR trade_reason IN ('above_cap', 'above_bucket_limit', 'over_allocation')
)
ORDER BY portfolio_id, abs(change_weight) DESC, asset;
