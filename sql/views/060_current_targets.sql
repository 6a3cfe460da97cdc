-- Grain: one row per portfolio and asset, and one of CASH: the published run of each portfolio's latest day.
-- Execution reads this.
-- Columns as in: targets_as_of
CREATE OR REPLACE VIEW current_targets AS
FROM targets_as_of('infinity'::TIMESTAMPTZ);

COMMENT ON VIEW current_targets IS 'One row per portfolio and asset, and one of CASH: the published targets of the latest day of each portfolio.';
COMMENT ON COLUMN current_targets.as_of_date IS 'Trading day, exchange date: the latest one published for the portfolio.';
