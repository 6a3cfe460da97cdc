-- Grain: one row per portfolio and asset, and one of CASH: the published run of each portfolio's latest day.
-- Execution reads this.
-- Columns as in: targets_as_of
CREATE OR REPLACE VIEW current_targets AS
SELECT
    portfolio_id,
    as_of_date,
    asset,
    bucket,
    is_cash,
    target_weight,
    current_weight,
    trade_weight,
    post_trade_weight,
    action,
    trade_rank,
    trade_reason,
    trade_scale,
    is_pinned,
    is_score_stale,
    target_reason,
    run_id,
    published_at
FROM targets_as_of('infinity'::TIMESTAMPTZ);

COMMENT ON VIEW current_targets IS 'One row per portfolio and asset, and one of CASH: the published targets of the latest day of each portfolio.';
COMMENT ON COLUMN current_targets.as_of_date IS 'Trading day, exchange date: the latest one published for the portfolio.';
