-- Grain: one row per portfolio and day: the run whose targets are visible.
-- Columns as in: visible_runs_as_of
CREATE OR REPLACE VIEW visible_runs AS
FROM visible_runs_as_of('infinity'::TIMESTAMPTZ);

COMMENT ON VIEW visible_runs IS 'One row per portfolio and day: the run whose targets are visible.';
COMMENT ON COLUMN visible_runs.run_id IS 'Run whose targets are visible, see runs.';
