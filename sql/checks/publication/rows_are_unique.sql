-- Failures: candidates, sized assets, constraints and states that are there more than once in a portfolio, and estimates
-- with the same parameters that are there more than once. Large tables
-- have no primary key: this is the proof. (targets: one_target_per_asset; sizing_summary: every_portfolio_is_summarised.)
-- Parameters: $run_id VARCHAR.
SELECT
    portfolio_id,
    format('{} has {} rows in {}', name, count(*), table_name) AS detail
FROM (
    SELECT 'decisions' AS table_name, portfolio_id, asset AS name FROM decisions WHERE run_id = $run_id
    UNION ALL
    SELECT 'sizing_audit', portfolio_id, asset FROM sizing_audit WHERE run_id = $run_id
    UNION ALL
    SELECT 'constraint_checks', portfolio_id, constraint_name || ' of ' || basis
    FROM constraint_checks
    WHERE run_id = $run_id
    UNION ALL
    SELECT 'lifecycle', portfolio_id, asset FROM lifecycle WHERE run_id = $run_id
    UNION ALL
    SELECT
        'risk_estimates',
        NULL,
        concat_ws(
            ' of ',
            asset,
            source,
            model,
            half_life_days,
            window_days,
            min_observations,
            max_plausible_return
        )
    FROM risk_estimates
    WHERE run_id = $run_id
)
GROUP BY portfolio_id, table_name, name
HAVING count(*) > 1
ORDER BY ALL;
