-- For: an auditor
-- Question: Do the targets of every published day add up exactly to what was configured?
-- Returns: one row: portfolio days checked, and those that do not; always 0.
SELECT count(*) AS n_portfolio_days, count(*) FILTER (total <> target_total_allocation) AS n_wrong
FROM (
    SELECT targets.run_id, targets.portfolio_id, sum(targets.target_weight) AS total
    FROM targets
    JOIN visible_runs USING (run_id, portfolio_id)
    GROUP BY ALL
)
JOIN run_limits USING (run_id, portfolio_id);
