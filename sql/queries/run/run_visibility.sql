-- Grain: one row per portfolio of the run that was ever published, with whether it is visible from this run now.
-- Parameters: $run_id VARCHAR.
SELECT
    portfolio_id,
    max(published_at) AS published_at,
    bool_or(visible_until IS NULL) AS is_visible
FROM visibility
WHERE run_id = $run_id
GROUP BY portfolio_id;
