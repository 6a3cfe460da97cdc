-- For: an auditor
-- Question: What differs between two published runs?
-- Returns: a row per portfolio and target that differs, and why; here from the first run to the last.
SELECT portfolio_id, asset, previous_target_weight, target_weight, change, change_reason
FROM run_difference(
    (SELECT arg_min(run_id, as_of_date) FROM visible_runs),
    (SELECT arg_max(run_id, as_of_date) FROM visible_runs)
)
WHERE change <> 'unchanged';
