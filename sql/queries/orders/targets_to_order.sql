-- Grain: one row per portfolio and asset of the run, and one of CASH: what `make_orders` reads.
-- Parameters: $run_id VARCHAR, $portfolio_ids VARCHAR[].
SELECT
    targets.portfolio_id,
    targets.asset,
    targets.bucket,
    targets.is_cash,
    targets.current_weight,
    targets.post_trade_weight,
    sizing_audit.position_cap,
    targets.trade_reason
FROM targets
LEFT JOIN (
    FROM sizing_audit
    WHERE run_id = $run_id AND portfolio_id IN (SELECT unnest($portfolio_ids::VARCHAR[]))
) AS sizing_audit USING (run_id, portfolio_id, asset)
WHERE targets.run_id = $run_id AND targets.portfolio_id IN (SELECT unnest($portfolio_ids::VARCHAR[]))
ORDER BY targets.portfolio_id, targets.asset;
