-- Grain: one row per portfolio, published day, and kind and day of an input that was corrected since the visible targets
-- of the day read it: a run of the day would read something else now. Only what would change the inputs of the portfolio
-- counts: neither the same rows from another ingest, nor scores of another model, nor restrictions of another portfolio or
-- not in force on the day, nor prices of what it neither marks nor reads the returns of. Targets that were taken as held and replaced since are in superseded_holdings. Runs of earlier
-- releases did not record `scores_since`: then scores that came late for a day before the first one read are not seen.
CREATE OR REPLACE VIEW targets_on_corrected_inputs AS
WITH shown AS (
    SELECT
        run_id,
        as_of_date,
        inputs,
        list_max(
            json_extract(inputs, '$.scores')::BIGINT[]
            || coalesce(json_extract(inputs, '$.assets')::BIGINT[], [])
            || coalesce(json_extract(inputs, '$.restrictions')::BIGINT[], [])
            || coalesce(json_extract(inputs, '$.renames')::BIGINT[], [])
            || coalesce(json_extract(inputs, '$.prices')::BIGINT[], [])
            || [(inputs ->> '$.positions.ingest_id')::BIGINT]
        ) AS newest_read
    FROM runs
    SEMI JOIN (SELECT DISTINCT run_id FROM visible_runs) AS visible USING (run_id)
    WHERE json_exists(inputs, '$.scores')
),
read_scores AS (
    SELECT read.run_id, read.as_of_date, read.since, ingests.as_of_date AS input_date, ingests.ingest_id
    FROM (
        SELECT
            run_id,
            as_of_date,
            (inputs ->> 'scores_since')::DATE AS since,
            unnest(json_extract(inputs, '$.scores')::BIGINT[]) AS ingest_id
        FROM shown
    ) AS read
    JOIN ingests USING (ingest_id)
),
read_lists AS (
    SELECT
        run_id,
        as_of_date,
        unnest(['assets', 'restrictions', 'renames']) AS kind,
        (json_extract(inputs, '$.' || kind)::BIGINT[])[1] AS ingest_id
    FROM shown
),
-- Runs of which positions or prices came since, of their day or of one before it. Whatever came since has a higher number
-- than all that was read: of other runs nothing is looked at, portfolio by portfolio.
late AS (
    SELECT DISTINCT shown.run_id, ingests.kind
    FROM shown
    JOIN ingests ON ingests.kind IN ('positions', 'prices')
        AND ingests.as_of_date <= shown.as_of_date
        AND coalesce(ingests.ingest_id > shown.newest_read, true)
),
-- Whose limits read the returns of what is scored or held.
reading AS (
    SELECT
        run_portfolios.run_id,
        run_portfolios.portfolio_id,
        shown.as_of_date,
        (shown.inputs ->> 'returns_since')::DATE AS since
    FROM run_portfolios
    JOIN shown USING (run_id)
    SEMI JOIN (FROM late WHERE kind = 'prices') AS late USING (run_id)
    WHERE run_portfolios.reads_returns
),
-- Books that prices move: from the day on which they were left; and windows of returns.
price_uses AS (
    SELECT held.run_id, held.portfolio_id, shown.as_of_date, held.held_on AS since
    FROM run_portfolios AS held
    JOIN shown USING (run_id)
    SEMI JOIN (FROM late WHERE kind = 'prices') AS late USING (run_id)
    SEMI JOIN (FROM limit_sets WHERE (limits ->> 'mark_to_market')::BOOLEAN) AS marking USING (limits_key)
    SEMI JOIN visible_runs ON visible_runs.run_id = held.run_id AND visible_runs.portfolio_id = held.portfolio_id
    WHERE held.held_on IS NOT NULL AND held.held_run_id IS NOT NULL AND json_exists(shown.inputs, '$.prices')
    UNION ALL
    SELECT reading.run_id, reading.portfolio_id, reading.as_of_date, reading.since
    FROM reading
    SEMI JOIN visible_runs
        ON visible_runs.run_id = reading.run_id AND visible_runs.portfolio_id = reading.portfolio_id
),
moving AS (
    SELECT run_id, portfolio_id, as_of_date, min(since) AS since
    FROM price_uses
    GROUP BY run_id, portfolio_id, as_of_date
),
read_prices AS (
    SELECT moving.run_id, moving.portfolio_id, ingests.as_of_date AS input_date, ingests.ingest_id
    FROM moving
    JOIN (SELECT run_id, unnest(json_extract(inputs, '$.prices')::BIGINT[]) AS ingest_id FROM shown) AS read
        ON read.run_id = moving.run_id
    JOIN ingests ON ingests.ingest_id = read.ingest_id AND ingests.as_of_date >= moving.since
),
-- Whose start may be another one now: positions of the day or of one before it came since, or a day was not published in
-- order.
restarted AS (
    SELECT portfolio_id
    FROM visible_runs
    SEMI JOIN (FROM late WHERE kind = 'positions') AS late USING (run_id)
    UNION
    SELECT portfolio_id FROM visibility WHERE NOT is_in_order
),
visible AS (
    SELECT
        *,
        lag(as_of_date) OVER every_day AS day_before,
        lag(run_id) OVER every_day AS run_before
    FROM visible_runs
    SEMI JOIN restarted USING (portfolio_id)
    WINDOW every_day AS (PARTITION BY portfolio_id ORDER BY as_of_date)
),
named AS (
    SELECT DISTINCT positions.portfolio_id, positions.as_of_date, positions.ingest_id
    FROM positions
    SEMI JOIN effective_ingests USING (ingest_id)
),
-- Where holdings came from, and where they would come from now: an ingest by its number, or a run by its name.
starts AS (
    SELECT
        visible.run_id,
        visible.portfolio_id,
        coalesce(named.as_of_date > visible.day_before, named.as_of_date IS NOT NULL) AS has_positions,
        if(has_positions, named.as_of_date, held.held_on) AS input_date,
        held.held_ingest_id AS read_ingest,
        coalesce(read_ingest::VARCHAR, held.held_run_id) AS read_from,
        if(has_positions, named.ingest_id::VARCHAR, visible.run_before) AS now_from
    FROM visible
    SEMI JOIN shown USING (run_id)
    LEFT JOIN (FROM run_portfolios SEMI JOIN restarted USING (portfolio_id) WHERE held_on IS NOT NULL) AS held
        ON held.run_id = visible.run_id AND held.portfolio_id = visible.portfolio_id
    ASOF LEFT JOIN named ON named.portfolio_id = visible.portfolio_id AND visible.as_of_date >= named.as_of_date
    -- The oldest releases recorded only the day.
    WHERE held.held_on IS NULL OR held.held_ingest_id IS NOT NULL OR held.held_run_id IS NOT NULL
),
pairs AS (
    SELECT
        coalesce(old.run_id, new.run_id) AS run_id,
        NULL::VARCHAR AS portfolio_id,
        'scores' AS kind,
        coalesce(old.input_date, new.input_date) AS input_date,
        old.ingest_id::VARCHAR AS read_from,
        new.ingest_id::VARCHAR AS now_from,
        NULL::DATE AS day_in_force
    FROM read_scores AS old
    FULL JOIN (
        SELECT windows.run_id, scored.as_of_date AS input_date, scored.ingest_id
        FROM (
            SELECT run_id, as_of_date, coalesce(any_value(since), min(input_date)) AS since
            FROM read_scores
            GROUP BY run_id, as_of_date
        ) AS windows
        JOIN effective_ingests AS scored
            ON scored.kind = 'scores' AND scored.as_of_date BETWEEN windows.since AND windows.as_of_date
    ) AS new ON new.run_id = old.run_id AND new.input_date = old.input_date
    UNION ALL
    SELECT
        read_lists.run_id,
        NULL,
        read_lists.kind,
        counted.as_of_date,
        read_lists.ingest_id::VARCHAR,
        counted.ingest_id::VARCHAR,
        if(read_lists.kind IN ('restrictions', 'renames'), read_lists.as_of_date, NULL)
    FROM read_lists
    ASOF JOIN effective_ingests AS counted
        ON counted.kind = read_lists.kind AND read_lists.as_of_date >= counted.as_of_date
    UNION ALL
    SELECT
        coalesce(old.run_id, new.run_id),
        coalesce(old.portfolio_id, new.portfolio_id),
        'prices',
        coalesce(old.input_date, new.input_date),
        old.ingest_id::VARCHAR,
        new.ingest_id::VARCHAR,
        NULL
    FROM read_prices AS old
    FULL JOIN (
        SELECT moving.run_id, moving.portfolio_id, counted.as_of_date AS input_date, counted.ingest_id
        FROM moving
        JOIN effective_ingests AS counted
            ON counted.kind = 'prices' AND counted.as_of_date BETWEEN moving.since AND moving.as_of_date
    ) AS new
        ON new.run_id = old.run_id AND new.portfolio_id = old.portfolio_id AND new.input_date = old.input_date
    UNION ALL
    SELECT run_id, portfolio_id, 'positions', input_date, read_from, now_from, NULL
    FROM starts
    WHERE has_positions OR read_ingest NOT IN (SELECT ingest_id FROM effective_ingests)
),
moved AS (
    FROM pairs WHERE read_from IS DISTINCT FROM now_from
),
compared AS (
    SELECT DISTINCT kind, read_from, now_from, day_in_force FROM moved
),
sides AS (
    SELECT *, read_from AS origin, -1 AS side FROM compared
    UNION ALL
    SELECT *, now_from AS origin, 1 AS side FROM compared
),
content AS (
    SELECT sides.*, scores.model AS belongs_to, scores.asset, [score, technical_score, fundamental_score]::VARCHAR AS content
    FROM sides JOIN scores ON sides.kind = 'scores' AND scores.ingest_id = sides.origin::BIGINT
    UNION ALL
    SELECT sides.*, format('volatility of {}', scores.model), scores.asset, scores.volatility::VARCHAR
    FROM sides JOIN scores ON sides.kind = 'scores' AND scores.ingest_id = sides.origin::BIGINT
    UNION ALL
    SELECT sides.*, NULL, assets.asset, assets.bucket
    FROM sides JOIN assets ON sides.kind = 'assets' AND assets.ingest_id = sides.origin::BIGINT
    UNION ALL
    SELECT sides.*, restrictions.portfolio_id, restrictions.asset, [restriction, restrictions.reason]::VARCHAR
    FROM sides
    JOIN restrictions ON sides.kind = 'restrictions' AND restrictions.ingest_id = sides.origin::BIGINT
    WHERE coalesce(valid_from <= day_in_force, true) AND coalesce(valid_until >= day_in_force, true)
    UNION ALL
    SELECT sides.*, NULL, renames.old, renames.new
    FROM sides
    JOIN renames ON sides.kind = 'renames' AND renames.ingest_id = sides.origin::BIGINT
    WHERE valid_from <= day_in_force
    UNION ALL
    SELECT sides.*, NULL, prices.asset, [close, coalesce(adjustment_factor, 1), daily_return]::VARCHAR
    FROM sides JOIN prices ON sides.kind = 'prices' AND prices.ingest_id = sides.origin::BIGINT
    UNION ALL
    SELECT sides.*, positions.portfolio_id, positions.asset, positions.current_weight::VARCHAR
    FROM sides
    JOIN positions ON sides.kind = 'positions' AND positions.ingest_id = try_cast(sides.origin AS BIGINT)
    WHERE positions.asset <> 'CASH'
    UNION ALL
    SELECT
        sides.*,
        books.portfolio_id,
        books.asset,
        books.held_weight::VARCHAR
    FROM sides
    JOIN books ON sides.kind = 'positions' AND books.run_id = sides.origin
    WHERE books.held_weight > 0
),
different AS (
    SELECT kind, read_from, now_from, day_in_force, belongs_to, list(DISTINCT asset) AS assets
    FROM (
        SELECT kind, read_from, now_from, day_in_force, belongs_to, asset
        FROM content
        GROUP BY kind, read_from, now_from, day_in_force, belongs_to, asset, content
        HAVING sum(side) <> 0
    )
    GROUP BY kind, read_from, now_from, day_in_force, belongs_to
),
-- Whose prices move a book: what it holds, under the names of then too. Whose returns are read: every candidate.
taken AS (
    SELECT run_id, portfolio_id, list(asset) || list(old).list_filter(name -> name IS NOT NULL) AS assets
    FROM (
        SELECT run_id, portfolio_id, asset
        FROM targets
        SEMI JOIN (FROM moved WHERE kind = 'prices') AS moved USING (run_id, portfolio_id)
        WHERE current_weight > 0 AND NOT is_cash
        UNION
        SELECT run_id, portfolio_id, asset
        FROM decisions
        SEMI JOIN (FROM moved SEMI JOIN reading USING (run_id, portfolio_id) WHERE kind = 'prices') AS moved
            USING (run_id, portfolio_id)
    ) AS used
    LEFT JOIN (
        SELECT run_id, unnest(map_keys(names)) AS old, unnest(map_values(names)) AS asset
        FROM (SELECT run_id, json_extract(inputs, '$.renamed')::MAP(VARCHAR, VARCHAR) AS names FROM shown)
    ) AS renamed USING (run_id, asset)
    GROUP BY run_id, portfolio_id
),
models AS (
    SELECT run_portfolios.run_id, run_portfolios.portfolio_id, parsed.model, parsed.reads_volatility
    FROM run_portfolios
    JOIN (
        SELECT
            limits_key,
            limits ->> 'model' AS model,
            limits ->> 'volatility_source' = 'scores'
            AND (limits ->> 'volatility_mode' <> 'none' OR (limits ->> 'max_position_risk') IS NOT NULL)
                AS reads_volatility
        FROM limit_sets
    ) AS parsed USING (limits_key)
    SEMI JOIN (FROM moved WHERE kind = 'scores') AS moved USING (run_id)
),
found AS (
    SELECT
        visible.portfolio_id,
        visible.as_of_date,
        moved.kind,
        moved.input_date,
        len(list_distinct(flatten(list(
            if(moved.kind = 'prices', list_intersect(different.assets, taken.assets), different.assets)
        )))) AS n_changed,
        visible.run_id,
        visible.published_at
    FROM visible_runs AS visible
    JOIN moved ON moved.run_id = visible.run_id AND coalesce(moved.portfolio_id, visible.portfolio_id) = visible.portfolio_id
    JOIN different
        ON different.kind = moved.kind
        AND different.read_from IS NOT DISTINCT FROM moved.read_from
        AND different.now_from IS NOT DISTINCT FROM moved.now_from
        AND different.day_in_force IS NOT DISTINCT FROM moved.day_in_force
    LEFT JOIN models ON models.run_id = visible.run_id AND models.portfolio_id = visible.portfolio_id
    LEFT JOIN taken ON taken.run_id = visible.run_id AND taken.portfolio_id = visible.portfolio_id
    WHERE (different.belongs_to IS NULL AND (moved.kind <> 'prices' OR list_has_any(different.assets, taken.assets)))
        OR different.belongs_to = if(moved.kind = 'scores', models.model, visible.portfolio_id)
        OR (models.reads_volatility AND different.belongs_to = format('volatility of {}', models.model))
    GROUP BY ALL
)
SELECT
    found.portfolio_id,
    found.as_of_date,
    found.kind,
    found.input_date,
    found.n_changed,
    counted.source,
    counted.ingested_at AS corrected_at,
    counted.ingest_id,
    found.run_id,
    found.published_at
FROM found
JOIN effective_ingests AS counted ON counted.kind = found.kind AND counted.as_of_date = found.input_date
ORDER BY found.as_of_date, found.portfolio_id, found.kind, found.input_date;

COMMENT ON VIEW targets_on_corrected_inputs IS 'One row per portfolio, published day, and kind and day of an input that was corrected since the visible targets of the day read it, whatever kept a run of the day from publishing the correction, and whatever was published for later days. Run the day again; none when all is well.';
COMMENT ON COLUMN targets_on_corrected_inputs.portfolio_id IS 'Portfolio.';
COMMENT ON COLUMN targets_on_corrected_inputs.as_of_date IS 'Trading day whose visible targets rest on it, exchange date.';
COMMENT ON COLUMN targets_on_corrected_inputs.kind IS 'What was corrected: scores, assets, positions, restrictions, renames, prices.';
COMMENT ON COLUMN targets_on_corrected_inputs.input_date IS 'Day that the corrected input describes, exchange date: scores of earlier days, and lists that count on, are inputs too.';
COMMENT ON COLUMN targets_on_corrected_inputs.n_changed IS 'Assets with another row than was read, count.';
COMMENT ON COLUMN targets_on_corrected_inputs.source IS 'Path, address or query that counts now.';
COMMENT ON COLUMN targets_on_corrected_inputs.corrected_at IS 'When it was read, UTC.';
COMMENT ON COLUMN targets_on_corrected_inputs.ingest_id IS 'Its ingest, see ingests; what the run read is in runs.inputs and run_portfolios.';
COMMENT ON COLUMN targets_on_corrected_inputs.run_id IS 'Visible run of the day, see runs.';
COMMENT ON COLUMN targets_on_corrected_inputs.published_at IS 'When its targets became visible, UTC.';
