-- Grain: one row per row of lifecycle of the runs named, with every column.
-- Parameters: $run_ids VARCHAR[].
FROM lifecycle
WHERE list_contains($run_ids::VARCHAR[], run_id)
ORDER BY ALL;
