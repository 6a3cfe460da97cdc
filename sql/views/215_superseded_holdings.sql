-- Grain: one row per portfolio and published day whose holdings rest on targets that are not the published ones any more,
-- or whose states of holdings do where its limits read them.
-- A day starts from the targets of the portfolio's published day before it, unless it has positions of its own; its states
-- are always those after that day. Days after one that rests on replaced targets rest on them too, up to the next
-- positions, and beyond them where limits read the states. A run that recorded no run as the source of its holdings (an
-- older release's) rests on none. The same holdings, and the same states, from another run are no difference: the day
-- computed again would be the same run.
CREATE OR REPLACE VIEW superseded_holdings AS
WITH corrected AS (
    -- Where every day was published in order, each rests on what is visible.
    SELECT DISTINCT portfolio_id FROM visibility WHERE NOT is_in_order
),
day_sources AS (
    SELECT
        visible_runs.portfolio_id,
        visible_runs.as_of_date,
        visible_runs.run_id,
        run_portfolios.held_run_id AS source_run_id,
        if(run_portfolios.reads_states, run_portfolios.state_run_id, NULL) AS state_run_id,
        coalesce(run_portfolios.reads_states, false) AS reads_states,
        lag(visible_runs.run_id) OVER every_day AS current_run_id,
        lag(visible_runs.as_of_date) OVER every_day AS current_as_of_date
    FROM visible_runs
    SEMI JOIN corrected USING (portfolio_id)
    JOIN run_portfolios USING (run_id, portfolio_id)
    WINDOW every_day AS (PARTITION BY visible_runs.portfolio_id ORDER BY visible_runs.as_of_date)
),
pairs AS (
    SELECT portfolio_id, as_of_date, source_run_id, current_run_id
    FROM day_sources
    WHERE source_run_id <> current_run_id
),
state_pairs AS (
    SELECT portfolio_id, as_of_date, unnest([state_run_id, current_run_id]) AS run_id
    FROM day_sources
    WHERE reads_states AND current_run_id IS NOT NULL AND state_run_id IS DISTINCT FROM current_run_id
),
-- The runs that are compared, as one list: so the planner sees that they are few, and reads no other books and states.
compared_books AS (
    FROM books
    SEMI JOIN (
        SELECT unnest(list_distinct(list(source_run_id) || list(current_run_id))) AS run_id FROM pairs
    ) AS compared USING (run_id)
),
compared_states AS (
    FROM lifecycle SEMI JOIN (SELECT unnest(list(DISTINCT run_id)) AS run_id FROM state_pairs) AS compared USING (run_id)
),
replaced AS (
    SELECT portfolio_id, as_of_date
    FROM (
        SELECT pairs.portfolio_id, pairs.as_of_date, books.asset, books.held_weight
        FROM pairs
        JOIN compared_books AS books
            ON books.run_id = pairs.source_run_id AND books.portfolio_id = pairs.portfolio_id
        WHERE books.held_weight > 0
        UNION ALL
        SELECT pairs.portfolio_id, pairs.as_of_date, books.asset, books.held_weight
        FROM pairs
        JOIN compared_books AS books
            ON books.run_id = pairs.current_run_id AND books.portfolio_id = pairs.portfolio_id
        WHERE books.held_weight > 0
    )
    GROUP BY portfolio_id, as_of_date, asset, held_weight
    HAVING count(*) = 1
    UNION
    SELECT portfolio_id, as_of_date
    FROM (
        SELECT
            state_pairs.portfolio_id,
            state_pairs.as_of_date,
            lifecycle.asset,
            lifecycle.is_held,
            lifecycle.is_confirmed,
            lifecycle.opened_on,
            lifecycle.term_started_on,
            lifecycle.grace_started_on,
            lifecycle.grace_count,
            lifecycle.grace_entry_weight,
            lifecycle.closed_on
        FROM state_pairs
        JOIN compared_states AS lifecycle USING (run_id, portfolio_id)
    )
    GROUP BY
        portfolio_id,
        as_of_date,
        asset,
        is_held,
        is_confirmed,
        opened_on,
        term_started_on,
        grace_started_on,
        grace_count,
        grace_entry_weight,
        closed_on
    HAVING count(*) = 1
),
chained AS (
    SELECT
        day_sources.*,
        replaced.as_of_date IS NOT NULL AS is_direct,
        count(*) FILTER (source_run_id IS NULL AND NOT reads_states)
            OVER (PARTITION BY day_sources.portfolio_id ORDER BY day_sources.as_of_date) AS chain
    FROM day_sources
    LEFT JOIN replaced USING (portfolio_id, as_of_date)
)
SELECT
    portfolio_id,
    as_of_date,
    run_id,
    is_direct,
    coalesce(source_run_id, state_run_id) AS source_run_id,
    current_run_id,
    min(current_as_of_date) FILTER (is_direct) OVER until_the_day AS replaced_as_of_date
FROM chained
WINDOW until_the_day AS (PARTITION BY portfolio_id, chain ORDER BY as_of_date)
QUALIFY replaced_as_of_date IS NOT NULL
ORDER BY as_of_date, portfolio_id;

COMMENT ON VIEW superseded_holdings IS 'One row per portfolio and published day whose holdings rest on targets that a correction replaced, or that are older than a day published late, or whose limits read what happened to holdings by then; a backfill of these days brings them up to date. None when all is well.';
COMMENT ON COLUMN superseded_holdings.portfolio_id IS 'Portfolio.';
COMMENT ON COLUMN superseded_holdings.as_of_date IS 'Trading day that rests on them, exchange date.';
COMMENT ON COLUMN superseded_holdings.run_id IS 'Its visible run, see runs.';
COMMENT ON COLUMN superseded_holdings.is_direct IS 'Whether its own holdings, or states of holdings, are those of the replaced targets; false: a day that it goes back to rests on them.';
COMMENT ON COLUMN superseded_holdings.source_run_id IS 'Run whose targets it took as its holdings, or else as states of its holdings, see runs. Null: no day was published before it then.';
COMMENT ON COLUMN superseded_holdings.current_run_id IS 'Run that it would take now: the visible one of the published day before.';
COMMENT ON COLUMN superseded_holdings.replaced_as_of_date IS 'Trading day whose targets were replaced, exchange date; of several the first.';
