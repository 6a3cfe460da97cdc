-- Grain: one row per row of lifecycle of the runs named, with every column.
-- Parameters: $run_ids VARCHAR[].
FROM lifecycle
WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[]))
ORDER BY ALL;
