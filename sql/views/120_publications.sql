-- Grain: one row per portfolio, day and publication that changed which run is visible.
-- Columns as in: targets
CREATE OR REPLACE VIEW publications AS
SELECT
    portfolio_id,
    as_of_date,
    row_number() OVER every_publication AS publication,
    run_id,
    published_at,
    lag(run_id) OVER every_publication AS superseded_run_id,
    lead(published_at) OVER every_publication AS visible_until,
    visible_until IS NULL AS is_visible,
    published_by
FROM (
    SELECT
        visibility.portfolio_id,
        visibility.as_of_date,
        visibility.run_id,
        visibility.event_id,
        visibility.published_at,
        run_events."by" AS published_by
    FROM visibility
    JOIN run_events USING (event_id)
    QUALIFY visibility.run_id IS DISTINCT FROM lag(visibility.run_id) OVER (
        PARTITION BY visibility.portfolio_id, visibility.as_of_date ORDER BY visibility.event_id
    )
)
WINDOW every_publication AS (PARTITION BY portfolio_id, as_of_date ORDER BY event_id);

COMMENT ON VIEW publications IS 'One row per portfolio, day and publication that changed which run is visible; a day with more than one was corrected.';
COMMENT ON COLUMN publications.publication IS 'Number of the publication of this portfolio and day, 1 is the first.';
COMMENT ON COLUMN publications.run_id IS 'Run that became visible, see runs.';
COMMENT ON COLUMN publications.published_at IS 'When it became visible, UTC.';
COMMENT ON COLUMN publications.superseded_run_id IS 'Run that was visible before it; null for the first publication.';
COMMENT ON COLUMN publications.visible_until IS 'When a later publication replaced it, UTC; null while it is visible.';
COMMENT ON COLUMN publications.is_visible IS 'Whether it is the run that is visible now.';
COMMENT ON COLUMN publications.published_by IS 'Who requested the run, or approved it; the flow run where a schedule did.';
