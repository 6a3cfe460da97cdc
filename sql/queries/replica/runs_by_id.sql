-- Grain: one row per run named, with every column.
-- Parameters: $run_ids VARCHAR[].
FROM runs
WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[]))
ORDER BY ALL;
