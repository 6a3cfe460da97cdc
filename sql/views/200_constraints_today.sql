-- Grain: one row per portfolio, constraint and basis: the limits compared with current_targets, missed ones first.
-- Columns as in: constraint_checks
CREATE OR REPLACE VIEW constraints_today AS
SELECT
    constraint_checks.portfolio_id,
    current_runs.as_of_date,
    constraint_checks.constraint_name,
    constraint_checks.basis,
    constraint_checks.limit_value,
    constraint_checks.value,
    if(abs(constraint_checks.slack) <= 1e-12, 0, constraint_checks.slack) AS slack,
    constraint_checks.is_binding,
    constraint_checks.is_ok,
    constraint_checks.slack < -1e-12 AS is_missed,
    reached.reached_by,
    constraint_checks.reason,
    constraint_checks.run_id
FROM constraint_checks
JOIN current_runs USING (run_id, portfolio_id)
LEFT JOIN (
    SELECT
        run_id,
        portfolio_id,
        constraint_name,
        basis,
        limit_value,
        value,
        string_agg(name, ', ' ORDER BY name) AS reached_by
    FROM (
        SELECT
            run_id,
            portfolio_id,
            bucket AS name,
            unnest([
                {
                    'constraint_name': 'max_allocation_per_bucket',
                    'basis': 'target',
                    'limit_value': max_allocation_per_bucket::DOUBLE,
                    'value': bucket_weight::DECIMAL(12, 8)
                },
                {
                    'constraint_name': 'max_positions_per_bucket',
                    'basis': 'target',
                    'limit_value': coalesce(
                        (json_extract(limits, '$.max_positions_by_bucket')::MAP(VARCHAR, DOUBLE))[bucket],
                        (limits ->> 'max_positions_per_bucket')::DOUBLE
                    ),
                    'value': n_positions::DECIMAL(12, 8)
                }
            ], recursive := true)
        FROM bucket_exposure
        JOIN (SELECT run_id, portfolio_id, limits FROM run_limits) AS configured USING (run_id, portfolio_id)
        UNION ALL BY NAME
        SELECT
            run_id,
            portfolio_id,
            asset AS name,
            unnest([
                {
                    'constraint_name': 'max_single_position',
                    'basis': 'target',
                    'limit_value': max_single_position::DOUBLE,
                    'value': target_weight::DECIMAL(12, 8)
                },
                {
                    'constraint_name': 'min_position_size',
                    'basis': 'target',
                    'limit_value': min_position_size::DOUBLE,
                    'value': target_weight::DECIMAL(12, 8)
                },
                {
                    'constraint_name': 'max_single_position',
                    'basis': 'post_trade',
                    'limit_value': max_single_position::DOUBLE,
                    'value': post_trade_weight::DECIMAL(12, 8)
                }
            ], recursive := true)
        FROM current_targets
        JOIN run_limits USING (run_id, portfolio_id)
        WHERE NOT is_cash
        UNION ALL BY NAME
        SELECT
            run_id,
            portfolio_id,
            bucket AS name,
            'max_allocation_per_bucket' AS constraint_name,
            'post_trade' AS basis,
            coalesce(max_allocation_by_bucket[bucket], max_allocation_per_bucket)::DOUBLE AS limit_value,
            sum(post_trade_weight)::DECIMAL(12, 8) AS value
        FROM current_targets
        JOIN run_limits USING (run_id, portfolio_id)
        WHERE NOT is_cash
        GROUP BY run_id, portfolio_id, bucket, max_allocation_by_bucket, max_allocation_per_bucket
    )
    WHERE value > 0
    GROUP BY ALL
) AS reached
    ON reached.run_id = constraint_checks.run_id
    AND reached.portfolio_id = constraint_checks.portfolio_id
    AND reached.constraint_name = constraint_checks.constraint_name
    AND reached.basis = constraint_checks.basis
    AND reached.limit_value = constraint_checks.limit_value
    AND reached.value = constraint_checks.value::DECIMAL(12, 8)
ORDER BY constraint_checks.portfolio_id, is_missed DESC, is_binding DESC, constraint_checks.constraint_name,
    constraint_checks.basis DESC;

COMMENT ON VIEW constraints_today IS 'One row per portfolio, constraint and basis, missed and binding ones first: the limits compared with current_targets and with the book after their trades.';
COMMENT ON COLUMN constraints_today.as_of_date IS 'Trading day, exchange date: the latest one published for the portfolio.';
COMMENT ON COLUMN constraints_today.constraint_name IS 'Name of the limit.';
COMMENT ON COLUMN constraints_today.limit_value IS 'The limit, in its unit: a fraction of the portfolio value, or a count.';
COMMENT ON COLUMN constraints_today.value IS 'The value reached, in the same unit: of buckets and positions the one with the least slack.';
COMMENT ON COLUMN constraints_today.slack IS 'Distance from the value to the limit, negative when missed, in the same unit; 0 within 1e-12.';
COMMENT ON COLUMN constraints_today.is_binding IS 'Whether the value is at its limit, or beyond.';
COMMENT ON COLUMN constraints_today.is_ok IS 'Whether it may be published: kept, or missed for a reason that excuses it.';
COMMENT ON COLUMN constraints_today.is_missed IS 'Whether the limit is missed though it may be: a minimum that is not attainable, or holdings that cannot be sold.';
COMMENT ON COLUMN constraints_today.reached_by IS 'Buckets or assets that reach the value, by name; null for a limit of the whole portfolio.';
COMMENT ON COLUMN constraints_today.reason IS 'Why a missed limit is excused, in words; null when it is kept.';
