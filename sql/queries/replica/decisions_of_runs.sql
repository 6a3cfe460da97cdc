-- Grain: one row per row of decisions of the runs named, with every column.
-- Parameters: $run_ids VARCHAR[].
FROM decisions
WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[]))
ORDER BY ALL;
