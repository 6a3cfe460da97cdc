-- Grain: one row per portfolio of which targets are visible: the first such day.
-- Parameters: none.
SELECT
    portfolio_id,
    min(as_of_date) AS as_of_date
FROM visible_runs
GROUP BY portfolio_id
ORDER BY portfolio_id;
