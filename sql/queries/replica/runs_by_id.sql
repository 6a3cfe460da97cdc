-- Grain: one row per run named, with every column.
-- Parameters: $run_ids VARCHAR[].
FROM runs
WHERE list_contains($run_ids::VARCHAR[], run_id)
ORDER BY ALL;
