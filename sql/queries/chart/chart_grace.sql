-- Grain: one row per holding in grace after the runs, and visible day since its first failing score: its weight after the
-- trades. The days of the runs themselves are theirs, visible or not.
-- Parameters: $run_ids VARCHAR[], $portfolio_ids VARCHAR[].
WITH grace AS (
    SELECT
        lifecycle.portfolio_id,
        lifecycle.asset,
        lifecycle.grace_started_on,
        lifecycle.run_id AS last_run_id,
        runs.as_of_date AS last_day
    FROM lifecycle
    JOIN runs USING (run_id)
    WHERE lifecycle.run_id IN (SELECT unnest($run_ids::VARCHAR[]))
        AND lifecycle.portfolio_id IN (SELECT unnest($portfolio_ids::VARCHAR[]))
        AND lifecycle.is_held
        AND lifecycle.grace_count IS NOT NULL
)
SELECT targets.portfolio_id, targets.asset, targets.as_of_date, targets.post_trade_weight
FROM targets
JOIN grace USING (portfolio_id, asset)
LEFT JOIN visible_runs USING (run_id, portfolio_id)
WHERE targets.run_id = grace.last_run_id
    OR (targets.as_of_date >= grace.grace_started_on AND targets.as_of_date < grace.last_day AND visible_runs.run_id IS NOT NULL)
ORDER BY ALL;
