-- Appends the sets of limits of incoming (limits_key, limits: JSON text) that are not in limit_sets yet.
-- Parameters: none.
INSERT INTO limit_sets BY NAME
SELECT
    limits_key,
    limits,
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
    ) AS reads_volatility
FROM (
    SELECT limits_key, json(limits) AS limits
    FROM incoming
    ANTI JOIN limit_sets USING (limits_key)
);
