-- Grain: one row per portfolio and asset, and one of CASH: current_targets as it was visible at ts.
-- ts: TIMESTAMPTZ.
CREATE OR REPLACE MACRO targets_as_of(ts) AS TABLE
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
    visibility.published_at
FROM targets
JOIN visibility USING (run_id, portfolio_id, as_of_date)
WHERE visibility.published_at <= ts AND (visibility.current_until IS NULL OR visibility.current_until > ts);

COMMENT ON MACRO TABLE targets_as_of IS 'targets_as_of(ts TIMESTAMPTZ): one row per portfolio and asset: current_targets as it was visible at ts.
portfolio_id VARCHAR: Portfolio.
as_of_date DATE: Trading day, exchange date: the latest one published by then for the portfolio.
asset VARCHAR: Asset, or CASH.
bucket VARCHAR: Bucket of the asset; null for CASH.
is_cash BOOLEAN: Whether the row is the cash row.
target_weight DECIMAL(10,8): Weight to hold, fraction of the portfolio value, exact; 0 when the holding is closed.
current_weight DECIMAL(10,8): Weight held when computed, fraction of the portfolio value.
trade_weight DECIMAL(10,8): Weight to trade, fraction of the portfolio value, negative for a sale; of CASH what the trades leave or take.
post_trade_weight DECIMAL(10,8): Weight held when the trades are done, fraction of the portfolio value. Null: a run before V011.
action VARCHAR: open, increase, decrease, close or hold.
trade_rank INTEGER: Order of the trades, 1 first, sales before purchases; null when nothing is traded.
trade_reason VARCHAR: Why the change is traded or not, a code, see targets. Null for CASH, and in runs before V011.
trade_scale DOUBLE: Part of the planned trades that max_turnover leaves, in [0, 1]; 1: all. Null for CASH, and in runs before V011.
is_pinned BOOLEAN: Whether the weight is frozen.
is_score_stale BOOLEAN: Whether the score is too old to act on.
target_reason VARCHAR: The target in words.
run_id VARCHAR: Run that computed the target, see runs.
published_at TIMESTAMP WITH TIME ZONE: When the target became visible, UTC.';
