-- Grain: one row per row of constraint_checks of the runs named, with every column.
-- Parameters: $run_ids VARCHAR[].
FROM constraint_checks
WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[]))
ORDER BY ALL;
