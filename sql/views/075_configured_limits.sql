-- Grain: one row per run, portfolio and limit: the value that the run used.
CREATE OR REPLACE VIEW configured_limits AS
SELECT
    portfolio_id,
    as_of_date,
    limit_name,
    json_extract_string(limits, '$.' || limit_name) AS limit_value,
    run_id
FROM (
    SELECT
        run_limits.portfolio_id,
        runs.as_of_date,
        run_limits.run_id,
        run_limits.limits,
        unnest(json_keys(run_limits.limits)) AS limit_name
    FROM run_limits
    JOIN runs USING (run_id)
);

COMMENT ON VIEW configured_limits IS 'One row per run, portfolio and limit: the value that the run used, defaults included.';
COMMENT ON COLUMN configured_limits.portfolio_id IS 'Portfolio.';
COMMENT ON COLUMN configured_limits.as_of_date IS 'Trading day that was computed, exchange date.';
COMMENT ON COLUMN configured_limits.limit_name IS 'Name of the limit, a key of portfolios.yaml.';
COMMENT ON COLUMN configured_limits.limit_value IS 'Its value as text, JSON where it is a list or a map, in the unit of the limit; null: no limit.';
COMMENT ON COLUMN configured_limits.run_id IS 'Run that used it, see runs.';
