-- Grain: one row per day, portfolio and asset, and one of CASH: the visible targets of the days. A day is a
-- Parquet export.
-- Parameters: $days DATE[]; $first VARCHAR and $last VARCHAR, the portfolios between (null: all).
SELECT
    targets.portfolio_id,
    targets.as_of_date,
    targets.asset,
    targets.bucket,
    targets.is_cash,
    targets.target_weight,
    targets.current_weight,
    targets.trade_weight,
    targets.post_trade_weight,
    targets.action,
    targets.trade_rank,
    targets.trade_reason,
    targets.trade_scale,
    targets.is_pinned,
    targets.is_score_stale,
    targets.target_reason,
    targets.run_id,
    visible_runs.published_at
FROM targets
JOIN (FROM visible_runs WHERE as_of_date IN (SELECT unnest($days::DATE[]))) AS visible_runs
    USING (run_id, portfolio_id, as_of_date)
WHERE targets.as_of_date IN (SELECT unnest($days::DATE[]))
AND coalesce(targets.portfolio_id BETWEEN $first::VARCHAR AND $last::VARCHAR, true)
ORDER BY targets.as_of_date, targets.portfolio_id, targets.is_cash, targets.asset;
