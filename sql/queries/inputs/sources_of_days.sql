-- Grain: one row per requested day and source that a run of it reads, as it was known at $known_at: the scores of each
-- day from its $since on, the newest asset list, list of restrictions and list of renames, and for every portfolio the newest positions
-- up to the day and the published run of the latest day before it. Of each kind and day the newest ingest counts, as a
-- whole; portfolio_id is null where a source is for all, run_id but for targets, ingest_id for targets. n_rows is
-- what the source has, null but for scores. `former_assets` are the earlier asset lists that last had an asset which the
-- day's does not. Two kinds are not read, but reported: `named`, the portfolios of the newest
-- positions up to the day, and `unnamed`, those that positions named since as_of_date and the day's own do not.
-- Parameters: $days DATE[], $since DATE[] (first day of the scores, one for each of $days), $known_at TIMESTAMPTZ.
WITH request AS (
    SELECT
        unnest($days::DATE[]) AS day,
        unnest($since::DATE[]) AS since
),
known AS (
    SELECT
        ingest_id,
        kind,
        as_of_date,
        rows_accepted
    FROM effective_ingests_as_of($known_at::TIMESTAMPTZ)
),
held AS (
    SELECT DISTINCT
        positions.portfolio_id,
        positions.as_of_date,
        positions.ingest_id
    FROM positions
    SEMI JOIN known USING (ingest_id)
),
newest_positions AS (
    SELECT
        request.day,
        known.as_of_date,
        known.ingest_id
    FROM request
    JOIN known ON known.kind = 'positions' AND known.as_of_date <= request.day
    QUALIFY row_number() OVER (PARTITION BY request.day ORDER BY known.as_of_date DESC) = 1
),
named AS (
    SELECT DISTINCT
        newest_positions.day,
        held.portfolio_id,
        newest_positions.as_of_date,
        newest_positions.ingest_id
    FROM newest_positions
    JOIN held USING (ingest_id)
),
first_named AS (
    SELECT
        positions.portfolio_id,
        min(ingests.as_of_date) AS as_of_date
    FROM positions
    JOIN ingests USING (ingest_id)
    WHERE ingests.ingested_at <= $known_at::TIMESTAMPTZ
    GROUP BY positions.portfolio_id
),
-- The newest visible day of each portfolio, and where that is not before the day the last one that is.
newest AS (
    SELECT
        portfolio_id,
        as_of_date,
        run_id
    FROM visibility
    WHERE published_at <= $known_at::TIMESTAMPTZ AND (current_until IS NULL OR current_until > $known_at::TIMESTAMPTZ)
),
visible AS (
    SELECT
        request.day,
        newest.portfolio_id,
        newest.as_of_date,
        newest.run_id
    FROM request
    JOIN newest ON newest.as_of_date < request.day
    UNION ALL
    SELECT
        request.day,
        earlier.portfolio_id,
        max(earlier.as_of_date),
        arg_max(earlier.run_id, earlier.as_of_date)
    FROM request
    JOIN newest ON newest.as_of_date >= request.day
    JOIN visible_runs_as_of($known_at::TIMESTAMPTZ) AS earlier
        ON earlier.portfolio_id = newest.portfolio_id AND earlier.as_of_date < request.day
    GROUP BY request.day, earlier.portfolio_id
),
listed AS (
    SELECT
        assets.asset,
        known.as_of_date,
        known.ingest_id
    FROM assets
    JOIN known USING (ingest_id)
),
last_listed AS (
    SELECT
        request.day,
        listed.asset,
        max(listed.as_of_date) AS as_of_date
    FROM request
    JOIN listed ON listed.as_of_date <= request.day
    GROUP BY request.day, listed.asset
),
found AS (
    SELECT
        request.day,
        'scores' AS kind,
        NULL::VARCHAR AS portfolio_id,
        known.as_of_date,
        known.ingest_id,
        NULL::VARCHAR AS run_id,
        known.rows_accepted AS n_rows
    FROM request
    JOIN known ON known.kind = 'scores' AND known.as_of_date BETWEEN request.since AND request.day
    UNION ALL
    SELECT
        request.day,
        known.kind,
        NULL,
        known.as_of_date,
        known.ingest_id,
        NULL,
        NULL
    FROM request
    JOIN known ON known.kind IN ('assets', 'restrictions', 'renames') AND known.as_of_date <= request.day
    QUALIFY row_number() OVER (PARTITION BY request.day, known.kind ORDER BY known.as_of_date DESC) = 1
    UNION ALL
    SELECT
        former.day,
        'former_assets',
        NULL,
        known.as_of_date,
        known.ingest_id,
        NULL,
        NULL
    FROM (SELECT DISTINCT day, as_of_date FROM last_listed) AS former
    JOIN known ON known.kind = 'assets' AND known.as_of_date = former.as_of_date
    QUALIFY known.as_of_date < max(known.as_of_date) OVER (PARTITION BY former.day)
    UNION ALL
    SELECT
        request.day,
        'positions',
        held.portfolio_id,
        held.as_of_date,
        held.ingest_id,
        NULL,
        NULL
    FROM request
    JOIN held ON held.as_of_date <= request.day
    QUALIFY row_number() OVER (
        PARTITION BY request.day, held.portfolio_id ORDER BY held.as_of_date DESC, held.ingest_id DESC
    ) = 1
    UNION ALL
    SELECT
        day,
        'named',
        portfolio_id,
        as_of_date,
        ingest_id,
        NULL,
        NULL
    FROM named
    UNION ALL
    SELECT
        newest_positions.day,
        'unnamed',
        first_named.portfolio_id,
        first_named.as_of_date,
        newest_positions.ingest_id,
        NULL,
        NULL
    FROM newest_positions
    JOIN first_named ON first_named.as_of_date <= newest_positions.day
    ANTI JOIN named ON named.day = newest_positions.day AND named.portfolio_id = first_named.portfolio_id
    WHERE newest_positions.as_of_date = newest_positions.day
    UNION ALL
    SELECT
        day,
        'targets',
        portfolio_id,
        as_of_date,
        NULL,
        run_id,
        NULL
    FROM visible
)
SELECT
    day,
    kind,
    portfolio_id,
    as_of_date,
    ingest_id,
    run_id,
    n_rows
FROM found
ORDER BY ALL;
