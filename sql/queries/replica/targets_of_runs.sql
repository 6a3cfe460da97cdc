-- Grain: one row per row of targets of the runs named, with every column.
-- Parameters: $run_ids VARCHAR[].
FROM targets
WHERE list_contains($run_ids::VARCHAR[], run_id)
ORDER BY ALL;
