-- Failures: portfolios whose counts in sizing_summary are not those of sizing_audit and targets.
-- Parameters: $run_id VARCHAR.
SELECT
    sizing_summary.portfolio_id,
    format(
        'sizing_summary has {} selected, {} sized, {} dropped; sizing_audit has {}, {}, {}, targets have {} positions',
        n_selected,
        n_sized,
        n_dropped,
        coalesce(audit_selected, 0),
        coalesce(audit_sized, 0),
        coalesce(audit_dropped, 0),
        coalesce(n_positions, 0)
    ) AS detail
FROM sizing_summary
LEFT JOIN (
    SELECT
        portfolio_id,
        count(*) AS audit_selected,
        count(*) FILTER (drop_reason IS NULL) AS audit_sized,
        count(drop_reason) AS audit_dropped
    FROM sizing_audit
    WHERE run_id = $run_id
    GROUP BY portfolio_id
) USING (portfolio_id)
LEFT JOIN (
    SELECT portfolio_id, count(*) AS n_positions
    FROM targets
    WHERE run_id = $run_id AND NOT is_cash AND target_weight > 0
    GROUP BY portfolio_id
) USING (portfolio_id)
WHERE sizing_summary.run_id = $run_id
AND (
    n_selected <> coalesce(audit_selected, 0)
    OR n_sized <> coalesce(audit_sized, 0)
    OR n_dropped <> coalesce(audit_dropped, 0)
    OR n_positions > n_sized
)
ORDER BY ALL;
