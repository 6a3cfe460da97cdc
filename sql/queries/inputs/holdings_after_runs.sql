-- Grain: one row per portfolio and position of the runs: what is held when the trades are done.
-- Parameters: $run_ids VARCHAR[].
SELECT
    run_id,
    portfolio_id,
    asset,
    held_weight AS current_weight
FROM books
WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[]))
AND held_weight > 0
ORDER BY portfolio_id, asset, run_id;
