-- Grain: one row per portfolio and asset that is held after a run, or was closed in the sessions before: what is remembered
-- of it. The next run of the portfolio starts from it.
-- Parameters: $run_ids VARCHAR[].
SELECT
    run_id,
    portfolio_id,
    asset,
    is_held,
    is_confirmed,
    opened_on,
    term_started_on,
    grace_started_on,
    grace_count,
    grace_entry_weight,
    closed_on
FROM lifecycle
WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[]))
ORDER BY portfolio_id, asset, run_id;
