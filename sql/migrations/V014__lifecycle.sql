-- What is remembered of a name that a portfolio holds or held: since when, in which grace, when it was closed. Earlier
-- runs get what their books tell; in them every limit of the lifecycle was off, so there is no grace.

CREATE TABLE lifecycle (
    run_id VARCHAR NOT NULL,
    portfolio_id VARCHAR NOT NULL,
    asset VARCHAR NOT NULL,
    is_held BOOLEAN NOT NULL,
    is_confirmed BOOLEAN NOT NULL,
    opened_on DATE,
    term_started_on DATE,
    grace_started_on DATE,
    grace_count INTEGER,
    grace_entry_weight DECIMAL(10, 8),
    closed_on DATE[] NOT NULL
);
COMMENT ON TABLE lifecycle IS 'One row per run, portfolio and asset that is held after the trades, or was closed in the last 260 sessions. The next run of the portfolio starts from it.';
COMMENT ON COLUMN lifecycle.run_id IS 'Run after which it is so, see runs.';
COMMENT ON COLUMN lifecycle.portfolio_id IS 'Portfolio.';
COMMENT ON COLUMN lifecycle.asset IS 'Asset.';
COMMENT ON COLUMN lifecycle.is_held IS 'Whether it is held when the trades are done.';
COMMENT ON COLUMN lifecycle.is_confirmed IS 'Whether positions since agreed with it: what no positions confirmed is withdrawn where they differ.';
COMMENT ON COLUMN lifecycle.opened_on IS 'Day on which the holding was opened, exchange date; of a closed name the last one. Null: not known, it was there without an opening of ours.';
COMMENT ON COLUMN lifecycle.term_started_on IS 'Day from which max_holding_days counts, exchange date: the opening, the first day on which it was seen, or the last review.';
COMMENT ON COLUMN lifecycle.grace_started_on IS 'Day of the first failing score, exchange date; null: not in grace.';
COMMENT ON COLUMN lifecycle.grace_count IS 'Failing scores after the first, count; null: not in grace.';
COMMENT ON COLUMN lifecycle.grace_entry_weight IS 'Weight held on the day of the first failing score, fraction of the portfolio value; null: not in grace.';
COMMENT ON COLUMN lifecycle.closed_on IS 'Days on which the name was closed in the last 260 sessions, exchange dates, newest first; empty: none.';

ALTER TABLE decisions ADD COLUMN is_locked BOOLEAN;
ALTER TABLE decisions ADD COLUMN kept_by VARCHAR;
ALTER TABLE decisions ADD COLUMN kept_from VARCHAR;
ALTER TABLE decisions ADD COLUMN days_held INTEGER;
ALTER TABLE decisions ADD COLUMN grace_count INTEGER;
ALTER TABLE decisions ADD COLUMN gate_days_left INTEGER;
COMMENT ON COLUMN decisions.is_pinned IS 'Holding whose weight is not for the sizing to choose: it may not be traded, its score is missing or too old, it is in grace, or it keeps its place without qualifying for it.';
COMMENT ON COLUMN decisions.is_locked IS 'Holding that cannot lose its place, whatever its score and rank. Null: a run before V014, in which is_pinned says it.';
COMMENT ON COLUMN decisions.kept_by IS 'Why it is locked or in grace: no_trade, score_missing, volatility_missing, core_assets, min_holding_days or grace_period_days. Null: neither, or a run before V014.';
COMMENT ON COLUMN decisions.kept_from IS 'Gate that its score would have had if it were not kept. Null: none, or a run before V014.';
COMMENT ON COLUMN decisions.days_held IS 'Sessions since the holding was opened. Null: not held, opening not known, no limit of the portfolio counts, or a run before V014.';
COMMENT ON COLUMN decisions.grace_count IS 'Failing scores after the first, count. Null: not in grace, or a run before V014.';
COMMENT ON COLUMN decisions.gate_days_left IS 'Sessions, in grace failing scores, before what keeps or stops it ends. Null: nothing that ends by days, or a run before V014.';

-- Filled run by run along the predecessors, for every run that has rows: each starts from the run whose book it held, or
-- else from the run of the latest day before it that was visible when it was created. Closes of more than 380 calendar
-- days ago, which is more than 260 sessions of most exchanges, are left out.
INSERT INTO lifecycle BY NAME
WITH RECURSIVE
-- CASH stands in each book without a name: no run is lost that has nothing else.
books AS MATERIALIZED (
    SELECT
        run_id,
        portfolio_id,
        list({
            'asset': if(is_cash, NULL, asset),
            'current_weight': current_weight,
            'post_weight': coalesce(post_trade_weight, current_weight + trade_weight)::DECIMAL(10, 8),
            'is_held': NULL::BOOLEAN,
            'is_confirmed': NULL::BOOLEAN,
            'opened_on': NULL::DATE,
            'term_started_on': NULL::DATE,
            'closed_on': NULL::DATE[]
        }) AS book
    FROM targets
    GROUP BY run_id, portfolio_id
),
sources AS (
    SELECT
        run_id,
        unnest(map_keys(holdings)) AS portfolio_id,
        unnest(map_values(holdings)) AS source,
        coalesce(source ->> 'as_of_date', source ->> '$')::DATE AS held_on,
        source ->> 'run_id' AS held_after,
        source ->> 'ingest_id' IS NOT NULL AS is_file
    FROM (SELECT run_id, json_extract(inputs, '$.holdings')::MAP(VARCHAR, JSON) AS holdings FROM runs)
),
published AS (
    SELECT
        unnest(runs.portfolio_ids) AS portfolio_id,
        runs.as_of_date,
        runs.run_id,
        runs.created_at,
        run_events.happened_at,
        run_events.event_id
    FROM run_events
    JOIN runs USING (run_id)
    WHERE run_events.state = 'published'
),
written AS (
    SELECT
        books.run_id,
        books.portfolio_id,
        books.book,
        runs.as_of_date,
        runs.created_at,
        json_extract(runs.inputs, '$.renamed')::MAP(VARCHAR, VARCHAR) AS renamed,
        sources.held_on,
        sources.held_after,
        coalesce(sources.is_file, false) AS is_file
    FROM books
    JOIN runs USING (run_id)
    LEFT JOIN sources USING (run_id, portfolio_id)
),
-- Runs of a backfill are created together: each sees those of the days before it.
seen AS (
    SELECT
        written.run_id,
        written.portfolio_id,
        arg_max(published.run_id, (published.as_of_date, published.event_id)) AS run_before,
        max(published.as_of_date) AS day_before
    FROM written
    JOIN published
        ON published.portfolio_id = written.portfolio_id
        AND published.as_of_date < written.as_of_date
        AND (published.happened_at <= written.created_at OR published.created_at = written.created_at)
    WHERE written.held_after IS NULL
    GROUP BY written.run_id, written.portfolio_id
),
chain AS MATERIALIZED (
    SELECT
        written.run_id,
        written.portfolio_id,
        written.book,
        written.as_of_date,
        written.renamed,
        coalesce(written.held_after, seen.run_before) AS run_before,
        -- The oldest releases recorded only the day: it is that of positions where it is after the run before.
        if(
            written.is_file OR (written.held_after IS NULL AND coalesce(written.held_on > seen.day_before, true)),
            written.held_on,
            NULL
        ) AS file_date
    FROM written
    LEFT JOIN seen USING (run_id, portfolio_id)
),
-- Each step takes the runs that follow those of the step before.
states AS (
    SELECT
        NULL::VARCHAR AS run_id,
        portfolio_id,
        []::STRUCT(
            asset VARCHAR, is_held BOOLEAN, is_confirmed BOOLEAN, opened_on DATE, term_started_on DATE, closed_on DATE[]
        )[] AS assets
    FROM (SELECT DISTINCT portfolio_id FROM chain)
    UNION ALL
    SELECT
        run_id,
        portfolio_id,
        coalesce(
            list({
                'asset': asset,
                'is_held': is_held,
                'is_confirmed': is_confirmed,
                'opened_on': opened_on,
                'term_started_on': term_started_on,
                'closed_on': closed_on
            }) FILTER (asset IS NOT NULL AND (is_held OR len(closed_on) > 0)),
            []
        ) AS assets
    FROM (
        SELECT
            run_id,
            portfolio_id,
            asset,
            NOT was_held AND post_weight > 0 AND post_weight > current_weight AS opens,
            was_held AND post_weight = 0 AS closes,
            (was_held AND NOT closes) OR opens AS is_held,
            was_confirmed AND NOT opens AND NOT closes AS is_confirmed,
            if(opens, as_of_date, was_opened_on) AS opened_on,
            if(opens OR (is_held AND was_term_started_on IS NULL), as_of_date, was_term_started_on) AS term_started_on,
            list_filter(
                if(closes, [as_of_date], []) || was_closed_on, lambda day: day >= as_of_date - 380
            ) AS closed_on
        FROM (
            SELECT
                run_id,
                portfolio_id,
                as_of_date,
                asset,
                current_weight,
                post_weight,
                file_date IS NOT NULL AS has_file,
                current_weight >= 0.0001 AS is_there,
                coalesce(is_held, false) AS had_it,
                coalesce(is_confirmed, true) AS had_confirmed,
                is_there AND NOT had_it AND NOT had_confirmed AS is_withdrawn,
                NOT has_file OR (is_there AND (had_it OR is_withdrawn)) AS keeps_clocks,
                if(has_file OR is_held IS NULL, is_there, is_held) AS was_held,
                has_file OR coalesce(is_confirmed, false) AS was_confirmed,
                if(keeps_clocks, opened_on, NULL) AS was_opened_on,
                if(keeps_clocks, term_started_on, if(is_there, file_date, NULL)) AS was_term_started_on,
                CASE
                    WHEN has_file AND is_withdrawn THEN closes[2:]
                    WHEN has_file AND NOT is_there AND had_it AND had_confirmed THEN [file_date] || closes
                    ELSE closes
                END AS was_closed_on
            FROM (
                SELECT
                    run_id,
                    portfolio_id,
                    any_value(as_of_date) AS as_of_date,
                    any_value(file_date) AS file_date,
                    asset,
                    coalesce(any_value(current_weight), 0) AS current_weight,
                    coalesce(any_value(post_weight), 0) AS post_weight,
                    any_value(is_held) AS is_held,
                    any_value(is_confirmed) AS is_confirmed,
                    any_value(opened_on) AS opened_on,
                    any_value(term_started_on) AS term_started_on,
                    coalesce(any_value(closed_on), []) AS closes
                FROM (
                    SELECT
                        run_id,
                        portfolio_id,
                        as_of_date,
                        file_date,
                        unnest(
                            list_transform(before, lambda one: {
                                'asset': one.asset,
                                'current_weight': NULL,
                                'post_weight': NULL,
                                'is_held': one.is_held,
                                'is_confirmed': one.is_confirmed,
                                'opened_on': one.opened_on,
                                'term_started_on': one.term_started_on,
                                'closed_on': one.closed_on
                            }) || book,
                            recursive := true
                        )
                    FROM (
                        SELECT
                            chain.*,
                            -- By the name of today; of names that became one the held one, or else that closed last.
                            list_sort(list_transform(states.assets, lambda one: {
                                'name': coalesce(chain.renamed[one.asset], one.asset),
                                'is_closed': NOT one.is_held,
                                'age': if(one.is_held, NULL, chain.as_of_date - one.closed_on[1]),
                                'is_former': chain.renamed[one.asset] IS NOT NULL,
                                'former': one.asset,
                                'state': one
                            })) AS ranked,
                            CASE
                                WHEN chain.renamed IS NULL THEN states.assets
                                ELSE list_transform(
                                    list_filter(
                                        ranked,
                                        lambda one, place: place = 1 OR ranked[place - 1].name <> one.name
                                    ),
                                    lambda one: {
                                        'asset': one.name,
                                        'is_held': one.state.is_held,
                                        'is_confirmed': one.state.is_confirmed,
                                        'opened_on': one.state.opened_on,
                                        'term_started_on': one.state.term_started_on,
                                        'closed_on': list_reverse_sort(list_distinct(flatten(list_transform(
                                            list_filter(ranked, lambda other: other.name = one.name),
                                            lambda other: other.state.closed_on
                                        ))))
                                    }
                                )
                            END AS before
                        FROM states
                        JOIN chain
                            ON chain.run_before IS NOT DISTINCT FROM states.run_id
                            AND chain.portfolio_id = states.portfolio_id
                    )
                )
                GROUP BY run_id, portfolio_id, asset
            )
        )
    )
    GROUP BY run_id, portfolio_id
)
SELECT
    run_id,
    portfolio_id,
    unnest(assets, recursive := true)
FROM states
WHERE run_id IS NOT NULL;
