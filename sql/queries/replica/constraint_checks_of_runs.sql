-- Grain: one row per row of constraint_checks of the runs named, with every column.
-- Parameters: $run_ids VARCHAR[].
FROM constraint_checks
WHERE list_contains($run_ids::VARCHAR[], run_id)
ORDER BY ALL;
