-- Grain: one row per portfolio: the run whose targets are visible for its newest such day.
-- Columns as in: visible_runs_as_of
CREATE OR REPLACE VIEW current_runs AS
SELECT
    portfolio_id,
    as_of_date,
    run_id,
    published_at
FROM visibility
WHERE current_until IS NULL;

COMMENT ON VIEW current_runs IS 'One row per portfolio: the run whose targets are visible for its newest such day.';
COMMENT ON COLUMN current_runs.as_of_date IS 'Trading day, exchange date: the latest one published for the portfolio.';
COMMENT ON COLUMN current_runs.run_id IS 'Run whose targets are visible, see runs.';
