-- Grain: one row: how many of the runs named are recorded here.
-- Parameters: $run_ids VARCHAR[].
SELECT count(*) AS n_known
FROM runs
WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[]));
