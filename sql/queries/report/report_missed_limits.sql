-- Grain: one row per limit of a portfolio that a run named misses, with every column of constraint_checks.
-- Parameters: $run_ids VARCHAR[].
FROM constraint_checks
WHERE list_contains($run_ids::VARCHAR[], run_id) AND slack < -1e-12
ORDER BY ALL;
