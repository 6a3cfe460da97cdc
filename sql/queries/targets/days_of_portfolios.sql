-- Grain: one row per portfolio that was ever published: its first and its newest visible day, and since when the newest
-- is visible.
-- Parameters: none.
SELECT
    portfolio_id,
    min(as_of_date) AS first_day,
    max(as_of_date) AS newest_day,
    arg_max(published_at, as_of_date) AS published_at,
    arg_max(run_id, as_of_date) AS run_id
FROM visible_runs
GROUP BY portfolio_id
ORDER BY portfolio_id;
