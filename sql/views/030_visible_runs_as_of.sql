-- Grain: one row per portfolio and day: the run whose targets were visible at ts.
-- A later run may cover only some portfolios of an earlier one.
-- ts: TIMESTAMPTZ.
CREATE OR REPLACE MACRO visible_runs_as_of(ts) AS TABLE
SELECT
    portfolio_id,
    as_of_date,
    run_id,
    published_at
FROM visibility
WHERE published_at <= ts AND (visible_until IS NULL OR visible_until > ts);

COMMENT ON MACRO TABLE visible_runs_as_of IS 'visible_runs_as_of(ts TIMESTAMPTZ): one row per portfolio and day: the run whose targets were visible at ts.
portfolio_id VARCHAR: Portfolio.
as_of_date DATE: Trading day, exchange date.
run_id VARCHAR: Run whose targets were visible, see runs.
published_at TIMESTAMP WITH TIME ZONE: When they became visible, UTC.';
