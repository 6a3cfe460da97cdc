-- Grain: one row per portfolio and asset of the run, and one of CASH: what `make_orders` reads.
-- Parameters: $run_id VARCHAR, $portfolio_ids VARCHAR[].
SELECT
    portfolio_id,
    asset,
    bucket,
    is_cash,
    current_weight,
    post_trade_weight,
    trade_reason
FROM targets
WHERE run_id = $run_id AND list_contains($portfolio_ids::VARCHAR[], portfolio_id)
ORDER BY portfolio_id, asset;
