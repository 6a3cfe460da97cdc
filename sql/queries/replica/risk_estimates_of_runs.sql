-- Grain: one row per row of risk_estimates of the runs named, with every column.
-- Parameters: $run_ids VARCHAR[].
FROM risk_estimates
WHERE list_contains($run_ids::VARCHAR[], run_id)
ORDER BY ALL;
