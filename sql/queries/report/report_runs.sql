-- Grain: one row per run named, with its fingerprints and when it was last published.
-- Parameters: $run_ids VARCHAR[].
SELECT
    run_id,
    state,
    portfolio_ids,
    started_at,
    published_at,
    input_fingerprint,
    config_fingerprint,
    code_fingerprint,
    flow_run_id
FROM latest_runs
WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[]))
ORDER BY run_id;
