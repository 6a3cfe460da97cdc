-- Grain: one row per portfolio that any run covers: its newest visible day, whether it is halted, and what waits.
-- Parameters: none.
SELECT
    portfolio_id,
    visible.newest_day,
    visible.newest_run_id,
    visible.published_at,
    (SELECT count(*) > 0 FROM halts_in_force AS halt WHERE coalesce(halt.portfolio_id, known.portfolio_id) = known.portfolio_id)
        AS is_halted,
    waiting.as_of_date AS waiting_day,
    waiting.run_id AS waiting_run_id
FROM (SELECT DISTINCT unnest(portfolio_ids) AS portfolio_id FROM runs) AS known
LEFT JOIN (
    SELECT
        portfolio_id,
        max(as_of_date) AS newest_day,
        arg_max(run_id, as_of_date) AS newest_run_id,
        arg_max(published_at, as_of_date) AS published_at
    FROM visible_runs
    GROUP BY portfolio_id
) AS visible USING (portfolio_id)
LEFT JOIN (
    SELECT portfolio_id, max(as_of_date) AS as_of_date, arg_max(run_id, as_of_date) AS run_id
    FROM open_proposals
    GROUP BY portfolio_id
) AS waiting USING (portfolio_id)
ORDER BY portfolio_id;
