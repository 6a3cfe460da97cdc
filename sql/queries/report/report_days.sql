-- Grain: one row per day from the given one on that has a run, or scores, in order: how it went. None when the
-- given one has neither.
-- Parameters: $day DATE.
SELECT
    as_of_date,
    state,
    missing_portfolios,
    waiting_portfolios,
    halted_portfolios,
    rows_read,
    rows_rejected,
    n_refused_files,
    n_holdings_without_score,
    n_stale_scores,
    warnings,
    approval_asked,
    declined_reason,
    held_reason,
    failed_checks,
    failure
FROM run_health
WHERE
    as_of_date >= $day::DATE
    AND (is_covered IS NOT NULL OR as_of_date = $day::DATE)
    AND EXISTS (
        SELECT as_of_date FROM runs WHERE as_of_date = $day::DATE
        UNION ALL
        SELECT as_of_date FROM ingests WHERE kind = 'scores' AND as_of_date = $day::DATE
    )
ORDER BY as_of_date;
