-- Grain: one row per run, newest first. Its being superseded is what happened to another run, not to this one.
-- Columns as in: runs
CREATE OR REPLACE VIEW latest_runs AS
SELECT
    runs.run_id,
    runs.as_of_date,
    (
        SELECT list(run_portfolios.portfolio_id ORDER BY run_portfolios.portfolio_id)
        FROM run_portfolios
        WHERE run_portfolios.run_id = runs.run_id
    ) AS portfolio_ids,
    run_states.state,
    run_states.reason,
    history.started_at,
    history.published_at,
    runs.input_fingerprint,
    runs.config_fingerprint,
    runs.code_fingerprint,
    runs.flow_run_id
FROM runs
JOIN run_states USING (run_id)
JOIN (
    SELECT
        run_id,
        max(happened_at) FILTER (state = 'started') AS started_at,
        max(happened_at) FILTER (state = 'published') AS published_at,
        max(event_id) FILTER (state NOT IN ('unchanged', 'superseded')) AS last_event_id
    FROM run_events
    GROUP BY run_id
) AS history USING (run_id)
ORDER BY history.last_event_id DESC;

COMMENT ON VIEW latest_runs IS 'One row per run, newest first: the run with the newest event is first, unchanged and superseded aside.';
COMMENT ON COLUMN latest_runs.run_id IS 'Run, see runs.';
COMMENT ON COLUMN latest_runs.portfolio_ids IS 'Portfolios that the run covers.';
COMMENT ON COLUMN latest_runs.state IS 'Current state, see run_states.';
COMMENT ON COLUMN latest_runs.reason IS 'Why it is in this state, in words.';
COMMENT ON COLUMN latest_runs.started_at IS 'When it was last started, UTC.';
COMMENT ON COLUMN latest_runs.published_at IS 'When it was last published, UTC; null when never.';
