-- Grain: one row per portfolio that any run covers: its newest visible day, whether it is halted, and what waits.
-- Parameters: none.
SELECT
    portfolio_id,
    current_runs.as_of_date AS newest_day,
    current_runs.run_id AS newest_run_id,
    current_runs.published_at,
    (SELECT count(*) > 0 FROM halts_in_force AS halt WHERE coalesce(halt.portfolio_id, known.portfolio_id) = known.portfolio_id)
        AS is_halted,
    waiting.as_of_date AS waiting_day,
    waiting.run_id AS waiting_run_id
FROM (SELECT DISTINCT portfolio_id FROM run_portfolios) AS known
LEFT JOIN current_runs USING (portfolio_id)
LEFT JOIN (
    SELECT portfolio_id, max(as_of_date) AS as_of_date, arg_max(run_id, as_of_date) AS run_id
    FROM open_proposals
    GROUP BY portfolio_id
) AS waiting USING (portfolio_id)
ORDER BY portfolio_id;
