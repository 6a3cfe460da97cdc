-- Grain: one row per portfolio of the run: the targets that are visible for it now; the day is null when there are none.
-- Parameters: $run_id VARCHAR.
SELECT told.portfolio_id, max(visible_runs.as_of_date) AS as_of_date,
    arg_max(visible_runs.run_id, visible_runs.as_of_date) AS run_id
FROM (SELECT unnest(portfolio_ids) AS portfolio_id FROM runs WHERE run_id = $run_id) AS told
LEFT JOIN visible_runs USING (portfolio_id)
GROUP BY told.portfolio_id
ORDER BY told.portfolio_id;
