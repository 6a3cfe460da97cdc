-- Grain: one row per portfolio of the run: the targets that are visible for it now; the day is null when there are none.
-- Those without any come first, then the oldest; the first ones, and how many there are in all.
-- Parameters: $run_id VARCHAR, $most_rows INTEGER.
SELECT covered.portfolio_id, max(visible_runs.as_of_date) AS as_of_date,
    arg_max(visible_runs.run_id, visible_runs.as_of_date) AS run_id, count(*) OVER () AS n_portfolios
FROM (SELECT portfolio_id FROM run_portfolios WHERE run_id = $run_id) AS covered
LEFT JOIN visible_runs USING (portfolio_id)
GROUP BY covered.portfolio_id
ORDER BY as_of_date NULLS FIRST, covered.portfolio_id
LIMIT $most_rows;
