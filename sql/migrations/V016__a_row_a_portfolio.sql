-- Each distinct set of limits once, one row a run and portfolio instead of lists and JSON of all portfolios in one cell, and
-- from when until when the targets of each portfolio and day were visible. Runs of before are taken over.

CREATE TABLE limit_sets (
    limits_key VARCHAR PRIMARY KEY,
    limits JSON NOT NULL,
    target_total_allocation DECIMAL(10, 8),
    enable_dynamic_sizing BOOLEAN,
    max_single_position DECIMAL(10, 8),
    min_position_size DECIMAL(10, 8),
    enable_bucket_diversification BOOLEAN,
    max_allocation_per_bucket DECIMAL(10, 8),
    max_allocation_by_bucket MAP(VARCHAR, DECIMAL(10, 8)),
    rebalance_band DECIMAL(10, 8),
    min_trade_weight DECIMAL(10, 8),
    max_turnover DECIMAL(10, 8),
    min_score_threshold DOUBLE,
    max_total_positions INTEGER,
    min_holding_days INTEGER,
    max_holding_days INTEGER,
    grace_period_days INTEGER,
    grace_decay_rate DOUBLE,
    min_decay_factor DOUBLE,
    reentry_cooldown_days INTEGER,
    max_round_trips INTEGER,
    round_trip_window_days INTEGER,
    reentry_score DOUBLE,
    max_position_risk DECIMAL(10, 8),
    target_volatility DOUBLE,
    reads_volatility BOOLEAN
);
COMMENT ON TABLE limit_sets IS 'One row per distinct set of limits that a run was computed with. Which portfolio had which: run_portfolios.';
COMMENT ON COLUMN limit_sets.limits_key IS 'Name of the set: the first 32 digits of the SHA-256 of its JSON, hexadecimal.';
COMMENT ON COLUMN limit_sets.limits IS 'Every limit of the set, JSON object. The other columns are those of its limits that SQL checks.';
COMMENT ON COLUMN limit_sets.target_total_allocation IS 'What positions and cash make up together, fraction of the portfolio value.';
COMMENT ON COLUMN limit_sets.enable_dynamic_sizing IS 'Whether sizes have caps and floors; false: equal weights without any.';
COMMENT ON COLUMN limit_sets.max_single_position IS 'Largest weight of a position, fraction of the portfolio value.';
COMMENT ON COLUMN limit_sets.min_position_size IS 'Smallest weight of a position, fraction of the portfolio value.';
COMMENT ON COLUMN limit_sets.enable_bucket_diversification IS 'Whether the weights of buckets are limited.';
COMMENT ON COLUMN limit_sets.max_allocation_per_bucket IS 'Largest weight of a bucket, fraction of the portfolio value.';
COMMENT ON COLUMN limit_sets.max_allocation_by_bucket IS 'Largest weight of single buckets, instead of the general one: map of bucket to fraction.';
COMMENT ON COLUMN limit_sets.rebalance_band IS 'Change that is held back, fraction of the current weight.';
COMMENT ON COLUMN limit_sets.min_trade_weight IS 'Change below which it is held back, fraction of the portfolio value; 0 for runs before V011.';
COMMENT ON COLUMN limit_sets.max_turnover IS 'Most one-way turnover of a day, fraction of the portfolio value; null: no limit.';
COMMENT ON COLUMN limit_sets.min_score_threshold IS 'Score below which a holding fails, in [0, 1].';
COMMENT ON COLUMN limit_sets.max_total_positions IS 'Most positions, count.';
COMMENT ON COLUMN limit_sets.min_holding_days IS 'Until so many sessions after its opening a holding keeps its place; 0: no such lock; null: a run before V014.';
COMMENT ON COLUMN limit_sets.max_holding_days IS 'Sessions after which a holding is judged like a new name; null: never, or a run before V014.';
COMMENT ON COLUMN limit_sets.grace_period_days IS 'Failing scores, after the first, before a holding closes; 0: it closes at once; null: a run before V014.';
COMMENT ON COLUMN limit_sets.grace_decay_rate IS 'Part of the weight that each further failing score leaves, fraction; null: a run before V014.';
COMMENT ON COLUMN limit_sets.min_decay_factor IS 'Least part of the weight that failing scores leave, fraction; null: a run before V014.';
COMMENT ON COLUMN limit_sets.reentry_cooldown_days IS 'Whole sessions between closing a name and opening it again; 0: none; null: a run before V014.';
COMMENT ON COLUMN limit_sets.max_round_trips IS 'Closings of a name in the window with which it stays out, count; null: no limit, or a run before V014.';
COMMENT ON COLUMN limit_sets.round_trip_window_days IS 'Sessions in which closings are counted; null: a run before V014.';
COMMENT ON COLUMN limit_sets.reentry_score IS 'Score with which a name comes back despite cooldown and round trips; null: none does, or a run before V014.';
COMMENT ON COLUMN limit_sets.max_position_risk IS 'Largest weight x volatility of a position, fraction a year; null: no limit, or a run before V015.';
COMMENT ON COLUMN limit_sets.target_volatility IS 'Volatility above which positions are scaled down, a year, fraction; null: never, or a run before V015.';
COMMENT ON COLUMN limit_sets.reads_volatility IS 'Whether a limit reads the volatility of assets; false in a run before V015.';

CREATE TABLE run_portfolios (
    run_id VARCHAR NOT NULL,
    portfolio_id VARCHAR NOT NULL,
    limits_key VARCHAR,
    held_on DATE,
    held_ingest_id BIGINT,
    held_run_id VARCHAR,
    book VARCHAR,
    state_run_id VARCHAR,
    reads_states BOOLEAN,
    reads_returns BOOLEAN,
    is_unnamed BOOLEAN
);
COMMENT ON TABLE run_portfolios IS 'One row per run and portfolio that it covers: its limits, and what the run read of this portfolio alone.';
COMMENT ON COLUMN run_portfolios.run_id IS 'Run, see runs.';
COMMENT ON COLUMN run_portfolios.portfolio_id IS 'Portfolio.';
COMMENT ON COLUMN run_portfolios.limits_key IS 'Its limits, see limit_sets and run_limits.';
COMMENT ON COLUMN run_portfolios.held_on IS 'Day of what it held when the run started, exchange date; null: it started with nothing.';
COMMENT ON COLUMN run_portfolios.held_ingest_id IS 'Positions that it held, see ingests; null: none, it held what a run left, or a run of an early release, which recorded the day alone.';
COMMENT ON COLUMN run_portfolios.held_run_id IS 'Run that left what it held, see runs; null: none, it held positions, or a run of an early release.';
COMMENT ON COLUMN run_portfolios.book IS 'What it started from: positions, post_trade (the book that a run left) or post_trade_marked (moved by the returns since); null: nothing, or a run before V013.';
COMMENT ON COLUMN run_portfolios.state_run_id IS 'Run after which its holdings had the state before, see lifecycle; null: none, or a run before V014.';
COMMENT ON COLUMN run_portfolios.reads_states IS 'Whether its limits read these states; null: a run before V014.';
COMMENT ON COLUMN run_portfolios.reads_returns IS 'Whether its limits read returns; false in a run before V015.';
COMMENT ON COLUMN run_portfolios.is_unnamed IS 'Whether positions named it before, and those of the day do not.';

CREATE TABLE visibility (
    portfolio_id VARCHAR NOT NULL,
    as_of_date DATE NOT NULL,
    run_id VARCHAR NOT NULL,
    event_id BIGINT NOT NULL,
    published_at TIMESTAMPTZ NOT NULL,
    visible_until TIMESTAMPTZ,
    current_until TIMESTAMPTZ,
    is_in_order BOOLEAN NOT NULL
);
COMMENT ON TABLE visibility IS 'One row per portfolio, day and publication of a run: from when until when its targets were visible. Written when a run is published; nothing else is ever changed than the two ends.';
COMMENT ON COLUMN visibility.portfolio_id IS 'Portfolio.';
COMMENT ON COLUMN visibility.as_of_date IS 'Trading day, exchange date.';
COMMENT ON COLUMN visibility.run_id IS 'Run whose targets were visible, see runs.';
COMMENT ON COLUMN visibility.event_id IS 'Event with which it was published, see run_events.';
COMMENT ON COLUMN visibility.published_at IS 'When they became visible, UTC.';
COMMENT ON COLUMN visibility.visible_until IS 'When a later publication of the portfolio and day replaced them, UTC; null: they are visible.';
COMMENT ON COLUMN visibility.current_until IS 'When they were no longer those of the newest visible day of the portfolio, UTC; published_at: they never were; null: they are.';
COMMENT ON COLUMN visibility.is_in_order IS 'Whether the day was later than every visible one of the portfolio, and the run started from the newest of these; false: a correction, a day published late, or another start.';

CREATE TEMP TABLE runs_before AS FROM runs;
DROP TABLE runs;
CREATE TABLE runs (
    run_id VARCHAR PRIMARY KEY,
    as_of_date DATE NOT NULL,
    n_portfolios INTEGER NOT NULL,
    input_fingerprint VARCHAR NOT NULL,
    config_fingerprint VARCHAR NOT NULL,
    code_fingerprint VARCHAR NOT NULL,
    inputs JSON NOT NULL,
    flow_run_id VARCHAR,
    created_at TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE runs IS 'One row per run: one computation of one day. Never changed; what happened to it is in run_events.';
COMMENT ON COLUMN runs.run_id IS 'Name of the run; the same day, inputs, config and code give the same run.';
COMMENT ON COLUMN runs.as_of_date IS 'Trading day that was computed, exchange date.';
COMMENT ON COLUMN runs.n_portfolios IS 'Portfolios that the run covers, count: run_portfolios has a row of each.';
COMMENT ON COLUMN runs.input_fingerprint IS 'Hash of everything that was read.';
COMMENT ON COLUMN runs.config_fingerprint IS 'Hash of the limits of all of its portfolios.';
COMMENT ON COLUMN runs.code_fingerprint IS 'Hash of the code.';
COMMENT ON COLUMN runs.inputs IS 'Inputs of all portfolios together, JSON: which ingests were read. What was read of one portfolio is in run_portfolios.';
COMMENT ON COLUMN runs.flow_run_id IS 'Prefect flow run that created the run; null outside Prefect.';
COMMENT ON COLUMN runs.created_at IS 'When the run was first recorded, UTC.';

INSERT INTO runs BY NAME
SELECT
    * EXCLUDE (portfolio_ids, config, inputs),
    len(portfolio_ids) AS n_portfolios,
    json_merge_patch(
        inputs,
        '{
            "holdings": null, "books": null, "lifecycle": null, "lifecycle_read_by": null, "returns_read_by": null,
            "not_in_positions": null
        }'
    ) AS inputs
FROM runs_before;

CREATE TEMP VIEW limits_before AS
SELECT run_id, unnest(map_keys(portfolios)) AS portfolio_id, unnest(map_values(portfolios)) AS limits
FROM (SELECT run_id, json_extract(config, '$.portfolios')::MAP(VARCHAR, JSON) AS portfolios FROM runs_before);

INSERT INTO limit_sets BY NAME
SELECT
    limits_key,
    limits,
    json_extract_string(limits, '$.target_total_allocation')::DECIMAL(10, 8) AS target_total_allocation,
    json_extract_string(limits, '$.enable_dynamic_sizing')::BOOLEAN AS enable_dynamic_sizing,
    json_extract_string(limits, '$.max_single_position')::DECIMAL(10, 8) AS max_single_position,
    json_extract_string(limits, '$.min_position_size')::DECIMAL(10, 8) AS min_position_size,
    json_extract_string(limits, '$.enable_bucket_diversification')::BOOLEAN AS enable_bucket_diversification,
    json_extract_string(limits, '$.max_allocation_per_bucket')::DECIMAL(10, 8) AS max_allocation_per_bucket,
    json_extract(limits, '$.max_allocation_by_bucket')::MAP(VARCHAR, VARCHAR)::MAP(VARCHAR, DECIMAL(10, 8))
        AS max_allocation_by_bucket,
    json_extract_string(limits, '$.rebalance_band')::DECIMAL(10, 8) AS rebalance_band,
    coalesce(json_extract_string(limits, '$.min_trade_weight')::DECIMAL(10, 8), 0) AS min_trade_weight,
    json_extract_string(limits, '$.max_turnover')::DECIMAL(10, 8) AS max_turnover,
    json_extract_string(limits, '$.min_score_threshold')::DOUBLE AS min_score_threshold,
    json_extract_string(limits, '$.max_total_positions')::INTEGER AS max_total_positions,
    json_extract_string(limits, '$.min_holding_days')::INTEGER AS min_holding_days,
    json_extract_string(limits, '$.max_holding_days')::INTEGER AS max_holding_days,
    json_extract_string(limits, '$.grace_period_days')::INTEGER AS grace_period_days,
    json_extract_string(limits, '$.grace_decay_rate')::DOUBLE AS grace_decay_rate,
    json_extract_string(limits, '$.min_decay_factor')::DOUBLE AS min_decay_factor,
    json_extract_string(limits, '$.reentry_cooldown_days')::INTEGER AS reentry_cooldown_days,
    json_extract_string(limits, '$.max_round_trips')::INTEGER AS max_round_trips,
    json_extract_string(limits, '$.round_trip_window_days')::INTEGER AS round_trip_window_days,
    json_extract_string(limits, '$.reentry_score')::DOUBLE AS reentry_score,
    json_extract_string(limits, '$.max_position_risk')::DECIMAL(10, 8) AS max_position_risk,
    json_extract_string(limits, '$.target_volatility')::DOUBLE AS target_volatility,
    coalesce(
        max_position_risk IS NOT NULL
        OR target_volatility IS NOT NULL
        OR json_extract_string(limits, '$.volatility_mode') <> 'none'
        OR json_extract_string(limits, '$.correlation_mode') <> 'none',
        false
    ) AS reads_volatility
FROM (
    SELECT left(sha256(limits), 32) AS limits_key, any_value(limits) AS limits
    FROM limits_before
    GROUP BY limits_key
)
ORDER BY limits_key;

INSERT INTO run_portfolios BY NAME
SELECT
    covered.run_id,
    covered.portfolio_id,
    left(sha256(limits_before.limits), 32) AS limits_key,
    coalesce(holdings.source ->> 'as_of_date', holdings.source ->> '$')::DATE AS held_on,
    (holdings.source ->> 'ingest_id')::BIGINT AS held_ingest_id,
    holdings.source ->> 'run_id' AS held_run_id,
    books.book,
    states.state_run_id,
    if(covered.has_states, reading_states.portfolio_id IS NOT NULL, NULL) AS reads_states,
    reading_returns.portfolio_id IS NOT NULL AS reads_returns,
    unnamed.portfolio_id IS NOT NULL AS is_unnamed
FROM (
    SELECT
        as_of_date,
        created_at,
        run_id,
        json_exists(inputs, '$.lifecycle') AS has_states,
        unnest(portfolio_ids) AS portfolio_id
    FROM runs_before
) AS covered
LEFT JOIN limits_before USING (run_id, portfolio_id)
LEFT JOIN (
    SELECT run_id, unnest(map_keys(holdings)) AS portfolio_id, unnest(map_values(holdings)) AS source
    FROM (SELECT run_id, json_extract(inputs, '$.holdings')::MAP(VARCHAR, JSON) AS holdings FROM runs_before)
) AS holdings USING (run_id, portfolio_id)
LEFT JOIN (
    SELECT run_id, unnest(map_keys(books)) AS portfolio_id, unnest(map_values(books)) AS book
    FROM (SELECT run_id, json_extract(inputs, '$.books')::MAP(VARCHAR, VARCHAR) AS books FROM runs_before)
) AS books USING (run_id, portfolio_id)
LEFT JOIN (
    SELECT run_id, unnest(map_keys(states)) AS portfolio_id, unnest(map_values(states)) AS state_run_id
    FROM (SELECT run_id, json_extract(inputs, '$.lifecycle')::MAP(VARCHAR, VARCHAR) AS states FROM runs_before)
) AS states USING (run_id, portfolio_id)
LEFT JOIN (
    SELECT run_id, unnest(json_extract(inputs, '$.lifecycle_read_by')::VARCHAR[]) AS portfolio_id
    FROM runs_before
) AS reading_states USING (run_id, portfolio_id)
LEFT JOIN (
    SELECT run_id, unnest(json_extract(inputs, '$.returns_read_by')::VARCHAR[]) AS portfolio_id
    FROM runs_before
) AS reading_returns USING (run_id, portfolio_id)
LEFT JOIN (
    SELECT run_id, unnest(json_extract(inputs, '$.not_in_positions')::VARCHAR[]) AS portfolio_id
    FROM runs_before
) AS unnamed USING (run_id, portfolio_id)
ORDER BY covered.as_of_date, covered.created_at, covered.run_id, covered.portfolio_id;

DROP VIEW limits_before;
DROP TABLE runs_before;

INSERT INTO visibility BY NAME
SELECT
    portfolio_id,
    as_of_date,
    run_id,
    event_id,
    published_at,
    visible_until,
    CASE
        WHEN visible_until IS NOT NULL OR replaced_from IS NOT NULL
        THEN greatest(published_at, least(visible_until, replaced_from))
    END AS current_until,
    coalesce(as_of_date > before.as_of_date, true)
    AND coalesce(held_run_id = before.run_id, true)
    AND (NOT coalesce(reads_states, false) OR state_run_id IS NOT DISTINCT FROM before.run_id) AS is_in_order
FROM (
    SELECT
        run_portfolios.*,
        runs.as_of_date,
        run_events.event_id,
        run_events.happened_at AS published_at,
        lead(run_events.happened_at) OVER (
            PARTITION BY run_portfolios.portfolio_id, runs.as_of_date ORDER BY run_events.event_id
        ) AS visible_until,
        -- The first publication of any later day.
        min(run_events.happened_at) OVER (
            PARTITION BY run_portfolios.portfolio_id
            ORDER BY runs.as_of_date
            RANGE BETWEEN INTERVAL 1 DAY FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS replaced_from,
        -- What was current when it was published.
        max({'as_of_date': runs.as_of_date, 'event_id': run_events.event_id, 'run_id': run_events.run_id}) OVER (
            PARTITION BY run_portfolios.portfolio_id
            ORDER BY run_events.event_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS before
    FROM run_events
    JOIN runs USING (run_id)
    JOIN run_portfolios USING (run_id)
    WHERE run_events.state = 'published'
)
ORDER BY event_id, portfolio_id;
