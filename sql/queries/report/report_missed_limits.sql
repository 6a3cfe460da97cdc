-- Grain: one row per limit of a portfolio that a run named misses, with every column of constraint_checks.
-- Parameters: $run_ids VARCHAR[].
FROM constraint_checks
WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[])) AND slack < -1e-12
ORDER BY ALL;
