-- Grain: one row per portfolio of the run: its limits, and what the run read of it alone.
-- Parameters: $run_id VARCHAR.
SELECT
    portfolio_id,
    limits_key,
    held_on,
    held_ingest_id,
    held_run_id,
    book,
    state_run_id,
    reads_states,
    reads_returns,
    is_unnamed
FROM run_portfolios
WHERE run_id = $run_id
ORDER BY portfolio_id;
