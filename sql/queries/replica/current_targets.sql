-- Grain: one row per portfolio and asset, and one of CASH: the published targets of each portfolio's latest day.
-- Parameters: none.
FROM current_targets
ORDER BY portfolio_id, is_cash, asset;
