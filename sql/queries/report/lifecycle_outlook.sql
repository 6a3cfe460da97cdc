-- Grain: one row per asset that a portfolio of the runs holds after the trades, or closed lately: its clocks, and the
-- limits that end them. Only of portfolios with such a limit, and of assets on which one can act.
-- Parameters: $run_ids VARCHAR[], $portfolio_ids VARCHAR[].
WITH limited AS (
    SELECT
        run_limits.run_id,
        run_limits.portfolio_id,
        runs.as_of_date,
        runs.inputs ->> 'exchange' AS exchange,
        coalesce(run_limits.grace_period_days, 0) AS grace_period_days,
        run_limits.grace_decay_rate,
        run_limits.min_decay_factor,
        if(run_limits.enable_dynamic_sizing, run_limits.min_position_size::DOUBLE, 0) AS least_weight,
        coalesce(
            (limits ->> 'grace_recovery_score')::DOUBLE,
            greatest(run_limits.min_score_threshold, (limits ->> 'min_score_new_position')::DOUBLE)
        ) AS grace_recovery_score,
        coalesce(run_limits.min_holding_days, 0) AS min_holding_days,
        run_limits.max_holding_days,
        (limits ->> 'max_holding_action') AS max_holding_action,
        coalesce(run_limits.reentry_cooldown_days, 0) AS reentry_cooldown_days,
        run_limits.max_round_trips,
        run_limits.round_trip_window_days,
        run_limits.reentry_score,
        coalesce(json_extract(limits, '$.core_assets')::MAP(VARCHAR, JSON), MAP {}) AS core_assets
    FROM run_limits
    JOIN runs USING (run_id)
    WHERE run_limits.run_id IN (SELECT unnest($run_ids::VARCHAR[]))
        AND run_limits.portfolio_id IN (SELECT unnest($portfolio_ids::VARCHAR[]))
)
SELECT
    lifecycle.portfolio_id,
    lifecycle.asset,
    coalesce(decisions.bucket, targets.bucket) AS bucket,
    limited.* EXCLUDE (portfolio_id, core_assets),
    decisions.score,
    decisions.kept_by,
    decisions.kept_from,
    lifecycle.is_held,
    lifecycle.opened_on,
    lifecycle.term_started_on,
    if(lifecycle.is_held, lifecycle.grace_started_on, NULL) AS grace_started_on,
    if(lifecycle.is_held, lifecycle.grace_count, NULL) AS grace_count,
    lifecycle.grace_entry_weight,
    lifecycle.closed_on,
    coalesce(targets.post_trade_weight, 0)::DECIMAL(10, 8) AS current_weight,
    (limited.core_assets[lifecycle.asset] ->> 'until')::DATE AS core_until,
    limited.core_assets[lifecycle.asset] ->> 'reason' AS core_reason
FROM (FROM lifecycle WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[]))) AS lifecycle
JOIN limited USING (run_id, portfolio_id)
LEFT JOIN (FROM decisions WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[]))) AS decisions
    USING (run_id, portfolio_id, asset)
LEFT JOIN (FROM targets WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[]))) AS targets
    USING (run_id, portfolio_id, asset)
WHERE if(
    lifecycle.is_held,
    limited.grace_period_days > 0
        OR limited.min_holding_days > 0
        OR limited.max_holding_days IS NOT NULL
        OR limited.max_round_trips IS NOT NULL
        OR core_until >= limited.as_of_date,
    limited.reentry_cooldown_days > 0 OR limited.max_round_trips IS NOT NULL
)
ORDER BY lifecycle.portfolio_id, lifecycle.asset;
