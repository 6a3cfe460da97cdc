-- Grain: one row per portfolio and asset with a target in either of two published runs.
-- Nothing for a run that was never published, and for portfolios that only one of the two covers.
-- Columns as in: differences_of
CREATE OR REPLACE MACRO run_difference(from_run, to_run) AS TABLE
FROM differences_of((
    SELECT list({'portfolio_id': portfolio_id, 'run_id': run_id, 'previous_run_id': previous_run_id})
    FROM (
        SELECT DISTINCT newer.portfolio_id, newer.run_id, older.run_id AS previous_run_id
        FROM visibility AS newer
        JOIN visibility AS older USING (portfolio_id)
        WHERE newer.run_id = to_run AND older.run_id = from_run
    )
));

COMMENT ON MACRO TABLE run_difference IS 'run_difference(from_run VARCHAR, to_run VARCHAR): one row per portfolio and asset with a target in either of two published runs, and why the weight moved. Nothing for a run that was never published.';
