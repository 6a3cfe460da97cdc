-- Grain: one row per portfolio and published day, numbered in their order.
-- Columns as in: visible_runs_as_of
CREATE OR REPLACE VIEW published_days AS
SELECT
    portfolio_id,
    as_of_date,
    run_id,
    row_number() OVER (PARTITION BY portfolio_id ORDER BY as_of_date) AS place
FROM visible_runs;

COMMENT ON VIEW published_days IS 'One row per portfolio and published day, numbered in their order.';
COMMENT ON COLUMN published_days.run_id IS 'Run whose targets are visible, see runs.';
COMMENT ON COLUMN published_days.place IS 'Number of the published day of the portfolio, from 1.';
