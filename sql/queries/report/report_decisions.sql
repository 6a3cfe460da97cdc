-- Grain: one row per row of decisions of the runs and portfolios named, with every column.
-- Parameters: $run_ids VARCHAR[], $portfolio_ids VARCHAR[].
FROM decisions
WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[])) AND portfolio_id IN (SELECT unnest($portfolio_ids::VARCHAR[]))
ORDER BY ALL;
