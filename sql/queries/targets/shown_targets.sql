-- Grain: one row per portfolio and asset, and one of CASH: the targets that were visible at a moment, of one day, or of
-- each portfolio's newest; positions by weight, cash last.
-- Parameters: $portfolio_ids VARCHAR[] (empty: all), $as_of_date DATE (null: the newest), $visible_at TIMESTAMPTZ.
WITH latest AS (
    SELECT portfolio_id, as_of_date, run_id, published_at
    FROM visibility
    WHERE (len($portfolio_ids::VARCHAR[]) = 0 OR list_contains($portfolio_ids::VARCHAR[], portfolio_id))
    AND published_at <= $visible_at::TIMESTAMPTZ
    AND coalesce(as_of_date = $as_of_date::DATE, true)
    AND coalesce(if($as_of_date::DATE IS NULL, current_until, visible_until) > $visible_at::TIMESTAMPTZ, true)
)
SELECT
    targets.portfolio_id,
    targets.as_of_date,
    targets.asset,
    targets.bucket,
    targets.target_weight,
    targets.current_weight,
    targets.trade_weight,
    targets.post_trade_weight,
    targets.action,
    targets.trade_reason,
    targets.trade_scale,
    decisions.kept_by,
    decisions.gate,
    targets.target_reason,
    targets.run_id,
    latest.published_at
FROM targets
JOIN latest USING (run_id, portfolio_id, as_of_date)
LEFT JOIN (FROM decisions SEMI JOIN latest USING (run_id, portfolio_id)) AS decisions
    ON decisions.run_id = targets.run_id
    AND decisions.portfolio_id = targets.portfolio_id AND decisions.asset = targets.asset
ORDER BY targets.portfolio_id, targets.is_cash, targets.target_weight DESC, targets.asset;
