-- Grain: one row per row of sizing_audit of the runs named, with every column.
-- Parameters: $run_ids VARCHAR[].
FROM sizing_audit
WHERE list_contains($run_ids::VARCHAR[], run_id)
ORDER BY ALL;
