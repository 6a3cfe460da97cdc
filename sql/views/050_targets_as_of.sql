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
    targets.action,
    targets.trade_rank,
    targets.is_pinned,
    targets.is_score_stale,
    targets.target_reason,
    targets.run_id,
    latest.published_at
FROM targets
JOIN (
    FROM visible_runs_as_of(ts)
    QUALIFY row_number() OVER (PARTITION BY portfolio_id ORDER BY as_of_date DESC) = 1
) AS latest USING (run_id, portfolio_id, as_of_date);

COMMENT ON MACRO TABLE targets_as_of IS 'targets_as_of(ts TIMESTAMPTZ): one row per portfolio and asset: current_targets as it was visible at ts.';
