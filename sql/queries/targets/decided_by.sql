-- Grain: one row per portfolio: the run that decided on a day, as far as its targets are visible.
-- Parameters: $portfolio_ids VARCHAR[], $as_of_date DATE.
SELECT
    visible_runs.portfolio_id,
    visible_runs.run_id,
    coalesce((runs.inputs ->> 'has_entry_scores')::BOOLEAN, true) AS has_entry_scores
FROM visible_runs
JOIN runs USING (run_id)
WHERE list_contains($portfolio_ids, visible_runs.portfolio_id) AND visible_runs.as_of_date = $as_of_date
ORDER BY visible_runs.portfolio_id;
