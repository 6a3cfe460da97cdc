-- Grain: one row per portfolio and asset of the run: what moved since the portfolio's visible day before, in words.
-- Parameters: $run_id VARCHAR, $portfolio_ids VARCHAR[]: of these portfolios.
SELECT portfolio_id, asset, previous_as_of_date, previous_target_weight, change, change_reason
FROM differences_of((
    SELECT list({'portfolio_id': portfolio_id, 'run_id': $run_id, 'previous_run_id': previous_run_id})
    FROM (
        SELECT covered.portfolio_id, arg_max(visible_runs.run_id, visible_runs.as_of_date) AS previous_run_id
        FROM (SELECT portfolio_id, as_of_date FROM run_portfolios JOIN runs USING (run_id) WHERE run_id = $run_id) AS covered
        LEFT JOIN visible_runs
            ON visible_runs.portfolio_id = covered.portfolio_id AND visible_runs.as_of_date < covered.as_of_date
        WHERE covered.portfolio_id IN (SELECT unnest($portfolio_ids::VARCHAR[]))
        GROUP BY covered.portfolio_id
    )
))
ORDER BY portfolio_id, asset;
