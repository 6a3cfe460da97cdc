-- Grain: one row per portfolio of the run that was ever published, with whether it is visible from this run now.
-- Parameters: $run_id VARCHAR.
SELECT
    published.portfolio_id,
    published.published_at,
    visible_runs.run_id = published.run_id AS is_visible
FROM (
    SELECT
        runs.run_id,
        runs.as_of_date,
        unnest(runs.portfolio_ids) AS portfolio_id,
        latest_runs.published_at
    FROM runs
    JOIN latest_runs USING (run_id)
    WHERE runs.run_id = $run_id AND latest_runs.published_at IS NOT NULL
) AS published
JOIN visible_runs USING (portfolio_id, as_of_date);
