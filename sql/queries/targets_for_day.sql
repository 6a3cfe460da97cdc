-- Grain: one row per portfolio and asset, and one of CASH: the visible targets of the day. The Parquet export.
-- Parameters: $as_of_date DATE.
SELECT
    targets.portfolio_id,
    targets.as_of_date,
    targets.asset,
    targets.bucket,
    targets.is_cash,
    targets.target_weight,
    targets.current_weight,
    targets.trade_weight,
    targets.action,
    targets.trade_rank,
    targets.is_pinned,
    targets.is_score_stale,
    targets.target_reason,
    targets.run_id,
    visible_runs.published_at
FROM targets
JOIN visible_runs USING (run_id, portfolio_id, as_of_date)
WHERE targets.as_of_date = $as_of_date
ORDER BY targets.portfolio_id, targets.is_cash, targets.asset;
