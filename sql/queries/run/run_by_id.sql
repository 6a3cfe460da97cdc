-- Grain: the run, one row or none, with its current state.
-- Parameters: $run_id VARCHAR.
SELECT
    runs.run_id,
    runs.as_of_date,
    runs.n_portfolios,
    runs.input_fingerprint,
    runs.config_fingerprint,
    runs.code_fingerprint,
    runs.inputs,
    runs.flow_run_id,
    runs.created_at,
    run_states.state,
    run_states.since,
    run_states."by",
    run_states.reason
FROM runs
JOIN run_states USING (run_id)
WHERE runs.run_id = $run_id;
