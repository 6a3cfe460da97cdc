-- Grain: one row per portfolio and asset, and one of CASH: the published run of each portfolio's latest day.
-- Execution reads this.
-- Columns as in: targets_as_of
CREATE OR REPLACE VIEW current_targets AS
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
    current_runs.published_at
FROM targets
JOIN current_runs USING (run_id, portfolio_id, as_of_date);

COMMENT ON VIEW current_targets IS 'One row per portfolio and asset, and one of CASH: the published targets of the latest day of each portfolio.';
COMMENT ON COLUMN current_targets.as_of_date IS 'Trading day, exchange date: the latest one published for the portfolio.';
