-- Grain: one row per portfolio and asset, and one of CASH: the published run of each portfolio's latest day.
-- Execution reads this.
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
    action,
    trade_rank,
    is_pinned,
    is_score_stale,
    target_reason,
    run_id,
    published_at
FROM targets_as_of('infinity'::TIMESTAMPTZ);

COMMENT ON VIEW current_targets IS 'One row per portfolio and asset, and one of CASH: the published targets of the latest day of each portfolio.';
COMMENT ON COLUMN current_targets.portfolio_id IS 'Portfolio.';
COMMENT ON COLUMN current_targets.as_of_date IS 'Trading day, exchange date: the latest one published for the portfolio.';
COMMENT ON COLUMN current_targets.asset IS 'Asset, or CASH.';
COMMENT ON COLUMN current_targets.bucket IS 'Bucket of the asset; null for CASH.';
COMMENT ON COLUMN current_targets.is_cash IS 'Whether the row is the cash row.';
COMMENT ON COLUMN current_targets.target_weight IS 'Weight to hold, fraction of the portfolio value, exact; 0 when the holding is closed.';
COMMENT ON COLUMN current_targets.current_weight IS 'Weight held when computed, fraction of the portfolio value.';
COMMENT ON COLUMN current_targets.trade_weight IS 'Weight to trade, fraction of the portfolio value, negative for a sale; 0 for a hold.';
COMMENT ON COLUMN current_targets.action IS 'open, increase, decrease, close or hold.';
COMMENT ON COLUMN current_targets.trade_rank IS 'Order of the trades, 1 first, sales before purchases; null when nothing is traded.';
COMMENT ON COLUMN current_targets.is_pinned IS 'Whether the weight is frozen.';
COMMENT ON COLUMN current_targets.is_score_stale IS 'Whether the score is too old to act on.';
COMMENT ON COLUMN current_targets.target_reason IS 'The target in words.';
COMMENT ON COLUMN current_targets.run_id IS 'Run that computed the target, see runs.';
COMMENT ON COLUMN current_targets.published_at IS 'When the target became visible, UTC.';
