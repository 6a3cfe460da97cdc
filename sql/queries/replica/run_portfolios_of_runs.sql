-- Grain: one row per run named and portfolio that it covers, with every column.
-- Parameters: $run_ids VARCHAR[].
FROM run_portfolios
WHERE list_contains($run_ids::VARCHAR[], run_id)
ORDER BY ALL;
