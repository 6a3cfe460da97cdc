-- Grain: one row per portfolio: the run that decided on a day, as far as its targets are visible.
-- Parameters: $portfolio_ids VARCHAR[], $as_of_date DATE.
SELECT
    visible_runs.portfolio_id,
    visible_runs.run_id,
    coalesce((runs.inputs ->> 'has_entry_scores')::BOOLEAN, true) AS has_entry_scores
FROM visible_runs
JOIN runs USING (run_id)
WHERE visible_runs.portfolio_id IN (SELECT unnest($portfolio_ids::VARCHAR[])) AND visible_runs.as_of_date = $as_of_date
ORDER BY visible_runs.portfolio_id;
