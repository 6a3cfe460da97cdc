-- Grain: one row per portfolio of which targets of the day are visible, or wait for approval where none are.
-- Parameters: $day DATE.
SELECT
    portfolio_id,
    run_id,
    'published' AS state
FROM visible_runs
WHERE as_of_date = $day::DATE
UNION ALL
SELECT
    portfolio_id,
    max(run_id),
    'proposed'
FROM open_proposals
ANTI JOIN visible_runs USING (portfolio_id, as_of_date)
WHERE as_of_date = $day::DATE
GROUP BY portfolio_id
ORDER BY portfolio_id;
