-- Grain: one row per run, portfolio and limit: the value that the run used.
CREATE OR REPLACE VIEW configured_limits AS
SELECT
    run_portfolios.portfolio_id,
    runs.as_of_date,
    own.limit_name,
    json_extract_string(own.limits, '$.' || own.limit_name) AS limit_value,
    run_portfolios.run_id
FROM run_portfolios
JOIN runs USING (run_id)
JOIN (
    SELECT limits_key, limits, unnest(json_keys(limits)) AS limit_name FROM limit_sets
) AS own USING (limits_key);

COMMENT ON VIEW configured_limits IS 'One row per run, portfolio and limit: the value that the run used, defaults included.';
COMMENT ON COLUMN configured_limits.portfolio_id IS 'Portfolio.';
COMMENT ON COLUMN configured_limits.as_of_date IS 'Trading day that was computed, exchange date.';
COMMENT ON COLUMN configured_limits.limit_name IS 'Name of the limit, a key of portfolios.yaml.';
COMMENT ON COLUMN configured_limits.limit_value IS 'Its value as text, JSON where it is a list or a map, in the unit of the limit; null: no limit.';
COMMENT ON COLUMN configured_limits.run_id IS 'Run that used it, see runs.';
