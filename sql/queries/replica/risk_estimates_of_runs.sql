-- Grain: one row per row of risk_estimates of the runs named, with every column.
-- Parameters: $run_ids VARCHAR[].
FROM risk_estimates
WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[]))
ORDER BY ALL;
