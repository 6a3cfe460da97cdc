-- Grain: one row per run and portfolio: the limits that SQL checks, read from runs.config, and all of them as JSON.
-- Numbers go from the JSON's text to DECIMAL, never through DOUBLE.
CREATE OR REPLACE VIEW run_limits AS
SELECT
    run_id,
    portfolio_id,
    json_extract_string(limits, '$.target_total_allocation')::DECIMAL(10, 8) AS target_total_allocation,
    json_extract_string(limits, '$.enable_dynamic_sizing')::BOOLEAN AS enable_dynamic_sizing,
    json_extract_string(limits, '$.max_single_position')::DECIMAL(10, 8) AS max_single_position,
    json_extract_string(limits, '$.min_position_size')::DECIMAL(10, 8) AS min_position_size,
    json_extract_string(limits, '$.enable_bucket_diversification')::BOOLEAN AS enable_bucket_diversification,
    json_extract_string(limits, '$.max_allocation_per_bucket')::DECIMAL(10, 8) AS max_allocation_per_bucket,
    json_extract(limits, '$.max_allocation_by_bucket')::MAP(VARCHAR, VARCHAR)::MAP(VARCHAR, DECIMAL(10, 8))
        AS max_allocation_by_bucket,
    json_extract_string(limits, '$.rebalance_band')::DECIMAL(10, 8) AS rebalance_band,
    coalesce(json_extract_string(limits, '$.min_trade_weight')::DECIMAL(10, 8), 0) AS min_trade_weight,
    json_extract_string(limits, '$.max_turnover')::DECIMAL(10, 8) AS max_turnover,
    json_extract_string(limits, '$.min_score_threshold')::DOUBLE AS min_score_threshold,
    json_extract_string(limits, '$.max_total_positions')::INTEGER AS max_total_positions,
    json_extract_string(limits, '$.min_holding_days')::INTEGER AS min_holding_days,
    json_extract_string(limits, '$.max_holding_days')::INTEGER AS max_holding_days,
    json_extract_string(limits, '$.grace_period_days')::INTEGER AS grace_period_days,
    json_extract_string(limits, '$.grace_decay_rate')::DOUBLE AS grace_decay_rate,
    json_extract_string(limits, '$.min_decay_factor')::DOUBLE AS min_decay_factor,
    json_extract_string(limits, '$.reentry_cooldown_days')::INTEGER AS reentry_cooldown_days,
    json_extract_string(limits, '$.max_round_trips')::INTEGER AS max_round_trips,
    json_extract_string(limits, '$.round_trip_window_days')::INTEGER AS round_trip_window_days,
    json_extract_string(limits, '$.reentry_score')::DOUBLE AS reentry_score,
    json_extract_string(limits, '$.max_position_risk')::DECIMAL(10, 8) AS max_position_risk,
    json_extract_string(limits, '$.target_volatility')::DOUBLE AS target_volatility,
    coalesce(
        max_position_risk IS NOT NULL
        OR target_volatility IS NOT NULL
        OR json_extract_string(limits, '$.volatility_mode') <> 'none'
        OR json_extract_string(limits, '$.correlation_mode') <> 'none',
        false
    ) AS reads_volatility,
    limits
FROM (
    SELECT
        run_id,
        unnest(map_keys(portfolios)) AS portfolio_id,
        unnest(map_values(portfolios)) AS limits
    FROM (
        SELECT
            run_id,
            json_extract(config, '$.portfolios')::MAP(VARCHAR, JSON) AS portfolios
        FROM runs
    )
);

COMMENT ON VIEW run_limits IS 'One row per run and portfolio: the limits that SQL checks, read from runs.config, and all of them as JSON.';
COMMENT ON COLUMN run_limits.run_id IS 'Run, see runs.';
COMMENT ON COLUMN run_limits.portfolio_id IS 'Portfolio.';
COMMENT ON COLUMN run_limits.target_total_allocation IS 'What positions and cash make up together, fraction of the portfolio value.';
COMMENT ON COLUMN run_limits.enable_dynamic_sizing IS 'Whether sizes have caps and floors; false: equal weights without any.';
COMMENT ON COLUMN run_limits.max_single_position IS 'Largest weight of a position, fraction of the portfolio value.';
COMMENT ON COLUMN run_limits.min_position_size IS 'Smallest weight of a position, fraction of the portfolio value.';
COMMENT ON COLUMN run_limits.enable_bucket_diversification IS 'Whether the weights of buckets are limited.';
COMMENT ON COLUMN run_limits.max_allocation_per_bucket IS 'Largest weight of a bucket, fraction of the portfolio value.';
COMMENT ON COLUMN run_limits.max_allocation_by_bucket IS 'Largest weight of single buckets, instead of the general one: map of bucket to fraction.';
COMMENT ON COLUMN run_limits.rebalance_band IS 'Change that is held back, fraction of the current weight.';
COMMENT ON COLUMN run_limits.min_trade_weight IS 'Change below which it is held back, fraction of the portfolio value; 0 for runs before V011.';
COMMENT ON COLUMN run_limits.max_turnover IS 'Most one-way turnover of a day, fraction of the portfolio value; null: no limit.';
COMMENT ON COLUMN run_limits.min_score_threshold IS 'Score below which a holding fails, in [0, 1].';
COMMENT ON COLUMN run_limits.max_total_positions IS 'Most positions, count.';
COMMENT ON COLUMN run_limits.min_holding_days IS 'Until so many sessions after its opening a holding keeps its place; 0: no such lock; null: a run before V014.';
COMMENT ON COLUMN run_limits.max_holding_days IS 'Sessions after which a holding is judged like a new name; null: never, or a run before V014.';
COMMENT ON COLUMN run_limits.grace_period_days IS 'Failing scores, after the first, before a holding closes; 0: it closes at once; null: a run before V014.';
COMMENT ON COLUMN run_limits.grace_decay_rate IS 'Part of the weight that each further failing score leaves, fraction; null: a run before V014.';
COMMENT ON COLUMN run_limits.min_decay_factor IS 'Least part of the weight that failing scores leave, fraction; null: a run before V014.';
COMMENT ON COLUMN run_limits.reentry_cooldown_days IS 'Whole sessions between closing a name and opening it again; 0: none; null: a run before V014.';
COMMENT ON COLUMN run_limits.max_round_trips IS 'Closings of a name in the window with which it stays out, count; null: no limit, or a run before V014.';
COMMENT ON COLUMN run_limits.round_trip_window_days IS 'Sessions in which closings are counted; null: a run before V014.';
COMMENT ON COLUMN run_limits.reentry_score IS 'Score with which a name comes back despite cooldown and round trips; null: none does, or a run before V014.';
COMMENT ON COLUMN run_limits.max_position_risk IS 'Largest weight x volatility of a position, fraction a year; null: no limit, or a run before V015.';
COMMENT ON COLUMN run_limits.target_volatility IS 'Volatility above which positions are scaled down, a year, fraction; null: never, or a run before V015.';
COMMENT ON COLUMN run_limits.reads_volatility IS 'Whether a limit reads the volatility of assets; false in a run before V015.';
COMMENT ON COLUMN run_limits.limits IS 'Every limit of the portfolio in this run, JSON object; configured_limits has them in rows.';
