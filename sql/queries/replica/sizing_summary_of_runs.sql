-- Grain: one row per row of sizing_summary of the runs named, with every column.
-- Parameters: $run_ids VARCHAR[].
FROM sizing_summary
WHERE list_contains($run_ids::VARCHAR[], run_id)
ORDER BY ALL;
