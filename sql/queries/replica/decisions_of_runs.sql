-- Grain: one row per row of decisions of the runs named, with every column.
-- Parameters: $run_ids VARCHAR[].
FROM decisions
WHERE list_contains($run_ids::VARCHAR[], run_id)
ORDER BY ALL;
