-- Grain: one row per row of trade_summary of the runs named, with every column.
-- Parameters: $run_ids VARCHAR[].
FROM trade_summary
WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[]))
ORDER BY ALL;
