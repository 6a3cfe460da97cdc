-- Grain: one row per portfolio and asset of the run, and one of CASH: weights before and after, and the stages between.
-- Stage columns are null for CASH, for what is closed, for what is pinned, and where sizes are all the same.
-- Parameters: $run_id VARCHAR, $portfolio_ids VARCHAR[]: of these portfolios.
SELECT
    targets.portfolio_id,
    targets.asset,
    targets.bucket,
    targets.is_cash,
    targets.is_pinned,
    targets.current_weight,
    targets.target_weight,
    targets.trade_weight,
    coalesce(targets.post_trade_weight, if(targets.is_cash, targets.target_weight, targets.current_weight + targets.trade_weight))
        AS post_trade_weight,
    targets.action,
    targets.trade_rank,
    targets.trade_reason,
    targets.trade_scale,
    targets.target_reason,
    sizing_audit.score,
    sizing_audit.raw_weight,
    sizing_audit.stage1_weight,
    sizing_audit.stage2_weight,
    sizing_audit.residual_weight,
    sizing_audit.volatility,
    sizing_audit.volatility_multiplier,
    sizing_audit.crowding,
    sizing_audit.crowding_multiplier,
    sizing_audit.position_cap,
    sizing_audit.risk_share,
    CASE WHEN run_limits.enable_dynamic_sizing THEN run_limits.max_single_position END AS max_single_position
FROM targets
JOIN run_limits USING (run_id, portfolio_id)
LEFT JOIN sizing_audit USING (run_id, portfolio_id, asset)
WHERE targets.run_id = $run_id AND targets.portfolio_id IN (SELECT unnest($portfolio_ids::VARCHAR[]))
ORDER BY targets.portfolio_id, targets.is_cash, targets.target_weight DESC, targets.asset;
