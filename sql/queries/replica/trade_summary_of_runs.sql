-- Grain: one row per row of trade_summary of the runs named, with every column.
-- Parameters: $run_ids VARCHAR[].
FROM trade_summary
WHERE list_contains($run_ids::VARCHAR[], run_id)
ORDER BY ALL;
