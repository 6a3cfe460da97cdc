-- Grain: one row per run named and portfolio that it covers, with every column.
-- Parameters: $run_ids VARCHAR[].
FROM run_portfolios
WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[]))
ORDER BY ALL;
