-- Failures: constraint_checks that are not ok.
-- Parameters: $run_id VARCHAR.
SELECT
    portfolio_id,
    format(
        '{} of {} is {}, its limit is {}',
        constraint_name,
        basis,
        coalesce(value::VARCHAR, 'null'),
        coalesce(limit_value::VARCHAR, 'null')
    ) AS detail
FROM constraint_checks
WHERE run_id = $run_id AND NOT is_ok
ORDER BY ALL;
