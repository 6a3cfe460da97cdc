-- Grain: one row per portfolio and day: the run whose targets were visible at ts.
-- For each portfolio and day the last published event wins: a later run may cover only some portfolios of an earlier one.
-- ts: TIMESTAMPTZ.
CREATE OR REPLACE MACRO visible_runs_as_of(ts) AS TABLE
SELECT
    portfolio_id,
    as_of_date,
    run_id,
    happened_at AS published_at
FROM (
    SELECT
        unnest(runs.portfolio_ids) AS portfolio_id,
        runs.as_of_date,
        runs.run_id,
        run_events.event_id,
        run_events.happened_at
    FROM run_events
    JOIN runs USING (run_id)
    WHERE run_events.state = 'published' AND run_events.happened_at <= ts
)
QUALIFY row_number() OVER (PARTITION BY portfolio_id, as_of_date ORDER BY event_id DESC) = 1;

COMMENT ON MACRO TABLE visible_runs_as_of IS 'visible_runs_as_of(ts TIMESTAMPTZ): one row per portfolio and day: the run whose targets were visible at ts.
portfolio_id VARCHAR: Portfolio.
as_of_date DATE: Trading day, exchange date.
run_id VARCHAR: Run whose targets were visible, see runs.
published_at TIMESTAMP WITH TIME ZONE: When they became visible, UTC.';
