-- Grain: one row per portfolio that was ever published: its newest visible day.
-- Parameters: none.
SELECT
    portfolio_id,
    as_of_date AS newest_day
FROM current_runs
ORDER BY portfolio_id;
