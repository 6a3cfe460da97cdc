-- Grain: one row per row of decisions of the runs and portfolios named, with every column.
-- Parameters: $run_ids VARCHAR[], $portfolio_ids VARCHAR[].
FROM decisions
WHERE list_contains($run_ids::VARCHAR[], run_id) AND list_contains($portfolio_ids::VARCHAR[], portfolio_id)
ORDER BY ALL;
