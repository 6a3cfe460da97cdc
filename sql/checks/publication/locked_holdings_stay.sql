-- Failures: locked holdings that lose their place or are closed, holdings within min_holding_days that are not locked
-- though nothing forces them out, and decisions that do not say, or not rightly, whether and why a holding is kept.
-- Since: V014. Parameters: $run_id VARCHAR.
SELECT
    portfolio_id,
    format(
        '{} has is_locked {}, is_pinned {}, kept_by {}, is_selected {}, days_held {}, held with {}, then with {}',
        asset,
        coalesce(is_locked::VARCHAR, 'null'),
        is_pinned::VARCHAR,
        coalesce(kept_by, 'null'),
        is_selected::VARCHAR,
        coalesce(days_held::VARCHAR, 'null'),
        current_weight::VARCHAR,
        coalesce(post_trade_weight::VARCHAR, 'null')
    ) AS detail
FROM (
    SELECT
        decisions.*,
        targets.post_trade_weight,
        run_limits.min_holding_days,
        coalesce(decisions.restriction, '') = 'must_sell' OR coalesce(decisions.gate, '') = 'excluded' AS must_leave
    FROM decisions
    JOIN run_limits USING (run_id, portfolio_id)
    LEFT JOIN targets USING (run_id, portfolio_id, asset)
    WHERE decisions.run_id = $run_id
    -- Of the others nothing can fail.
    AND (coalesce(decisions.is_locked, true) OR decisions.is_pinned OR decisions.is_held OR decisions.kept_by IS NOT NULL)
)
WHERE is_locked IS DISTINCT FROM coalesce(
    kept_by IN ('no_trade', 'score_missing', 'volatility_missing', 'core_assets', 'min_holding_days'), false
)
OR (is_locked AND (NOT is_held OR NOT is_selected OR must_leave OR (current_weight > 0 AND coalesce(post_trade_weight, 0) = 0)))
OR (is_pinned AND kept_by IS NULL)
OR (kept_by IS NOT NULL AND NOT is_held)
OR (kept_by = 'no_trade' AND coalesce(restriction, '') <> 'no_trade')
OR (kept_by = 'min_holding_days' AND NOT coalesce(days_held < min_holding_days, false))
OR (is_held AND NOT is_locked AND NOT must_leave AND coalesce(days_held < min_holding_days, false))
ORDER BY ALL;
