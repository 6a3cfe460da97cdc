-- Failures: portfolios with more selected than max_total_positions, and with more than the locked where these are more.
-- Since: V014. Parameters: $run_id VARCHAR.
SELECT
    portfolio_id,
    format(
        '{} are selected, {} of them locked, max_total_positions is {}', n_selected, n_locked, max_total_positions
    ) AS detail
FROM (
    SELECT
        run_id,
        portfolio_id,
        count(*) FILTER (is_selected) AS n_selected,
        count(*) FILTER (is_selected AND is_locked) AS n_locked
    FROM decisions
    WHERE run_id = $run_id
    GROUP BY run_id, portfolio_id
)
JOIN run_limits USING (run_id, portfolio_id)
WHERE run_limits.run_id = $run_id
AND n_selected > greatest(n_locked, max_total_positions)
ORDER BY ALL;
