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
COMMENT ON COLUMN run_limits.limits IS 'Every limit of the portfolio in this run, JSON object; configured_limits has them in rows.';
