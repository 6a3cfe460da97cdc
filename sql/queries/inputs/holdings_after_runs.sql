-- Grain: one row per portfolio and position of the runs: what is held when the trades are done. Runs before V011 have no
-- post_trade_weight: they leave what was held and what was traded.
-- Parameters: $run_ids VARCHAR[].
SELECT
    run_id,
    portfolio_id,
    asset,
    coalesce(post_trade_weight, current_weight + trade_weight)::DECIMAL(10, 8) AS current_weight
FROM targets
WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[]))
AND NOT is_cash
AND coalesce(post_trade_weight, current_weight + trade_weight) > 0
ORDER BY portfolio_id, asset, run_id;
