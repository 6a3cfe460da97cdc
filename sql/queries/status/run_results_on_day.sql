-- Grain: one row per portfolio that a run of the day covers: what happened last to such a run, and is anything visible.
-- Parameters: $day DATE.
SELECT
    happened.portfolio_id,
    happened.run_id,
    CASE WHEN declined.run_id IS NULL THEN happened.state ELSE 'declined' END AS state,
    happened.happened_at,
    happened."by",
    happened.reason,
    visible_runs.run_id IS NOT NULL AS is_visible
FROM (
    SELECT
        run_portfolios.portfolio_id,
        runs.as_of_date,
        run_events.*
    FROM run_events
    JOIN runs USING (run_id)
    JOIN run_portfolios USING (run_id)
    WHERE runs.as_of_date = $day::DATE AND run_events.state NOT IN ('unchanged', 'superseded')
) AS happened
LEFT JOIN visible_runs USING (portfolio_id, as_of_date)
LEFT JOIN proposal_history AS declined
    ON declined.decision_id = happened.event_id AND declined.outcome = 'declined'
QUALIFY row_number() OVER (PARTITION BY happened.portfolio_id ORDER BY happened.event_id DESC) = 1
ORDER BY happened.portfolio_id;
