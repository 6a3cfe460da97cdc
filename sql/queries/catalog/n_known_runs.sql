-- Grain: one row: how many of the runs named are recorded here.
-- Parameters: $run_ids VARCHAR[].
SELECT count(*) AS n_known
FROM runs
WHERE list_contains($run_ids::VARCHAR[], run_id);
