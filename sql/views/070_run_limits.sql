-- Grain: one row per run and portfolio: the limits that SQL checks, and all of them as JSON.
-- Columns as in: run_portfolios, limit_sets
CREATE OR REPLACE VIEW run_limits AS
SELECT
    run_portfolios.run_id,
    run_portfolios.portfolio_id,
    limit_sets.target_total_allocation,
    limit_sets.enable_dynamic_sizing,
    limit_sets.max_single_position,
    limit_sets.min_position_size,
    limit_sets.enable_bucket_diversification,
    limit_sets.max_allocation_per_bucket,
    limit_sets.max_allocation_by_bucket,
    limit_sets.rebalance_band,
    limit_sets.min_trade_weight,
    limit_sets.max_turnover,
    limit_sets.min_score_threshold,
    limit_sets.max_total_positions,
    limit_sets.min_holding_days,
    limit_sets.max_holding_days,
    limit_sets.grace_period_days,
    limit_sets.grace_decay_rate,
    limit_sets.min_decay_factor,
    limit_sets.reentry_cooldown_days,
    limit_sets.max_round_trips,
    limit_sets.round_trip_window_days,
    limit_sets.reentry_score,
    limit_sets.max_position_risk,
    limit_sets.target_volatility,
    limit_sets.reads_volatility,
    limit_sets.limits
FROM run_portfolios
JOIN limit_sets USING (limits_key);

COMMENT ON VIEW run_limits IS 'One row per run and portfolio: the limits that SQL checks, and all of them as JSON.';
COMMENT ON COLUMN run_limits.limits IS 'Every limit of the portfolio in this run, JSON object; configured_limits has them in rows.';
