-- Grain: one row per target of the runs and portfolios named.
-- Parameters: $run_ids VARCHAR[], $portfolio_ids VARCHAR[].
SELECT run_id, portfolio_id, as_of_date, asset, is_cash, target_weight
FROM targets
WHERE list_contains($run_ids::VARCHAR[], run_id) AND list_contains($portfolio_ids::VARCHAR[], portfolio_id)
ORDER BY ALL;
