-- Grain: one row per row of sizing_summary of the runs named, with every column.
-- Parameters: $run_ids VARCHAR[].
FROM sizing_summary
WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[]))
ORDER BY ALL;
