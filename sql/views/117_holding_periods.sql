-- Grain: one row per portfolio, asset and stay along the published runs.
-- Columns as in: holding_periods_of
CREATE OR REPLACE VIEW holding_periods AS
FROM holding_periods_of(NULL);

COMMENT ON VIEW holding_periods IS 'One row per portfolio, asset and stay along the published runs: since when it is held, when and by what it was closed, and how often it was held before.';
