-- Failures: rows of lifecycle that do not follow from the rows of the run before, the holdings of the day and their source,
-- the decisions and the trades: the transition, written again. The run before is the one that run_portfolios names; runs
-- before V014 did not, and have what the migration gave them. Sessions are not known here: where they decide, a failure is
-- what no calendar allows, since the published days are sessions, and no session is more than one day.
-- Parameters: none.
WITH published AS (
    SELECT
        run_portfolios.portfolio_id,
        runs.as_of_date,
        runs.inputs ->> 'exchange' AS exchange,
        runs.run_id,
        runs.created_at,
        run_events.happened_at,
        run_events.event_id
    FROM run_events
    JOIN runs USING (run_id)
    JOIN run_portfolios USING (run_id)
    WHERE run_events.state = 'published'
),
sessions AS (
    SELECT
        portfolio_id,
        exchange,
        as_of_date,
        row_number() OVER (PARTITION BY portfolio_id, exchange ORDER BY as_of_date) AS place
    FROM (SELECT DISTINCT portfolio_id, coalesce(exchange, '') AS exchange, as_of_date FROM published)
),
written AS (
    SELECT
        books.run_id,
        books.portfolio_id,
        runs.as_of_date,
        runs.created_at,
        coalesce(runs.inputs ->> 'exchange', '') AS exchange,
        coalesce(runs.inputs ->> 'dust_weight', '0.0001')::DECIMAL(10, 8) AS dust_weight,
        limit_sets.max_holding_days,
        json_extract(runs.inputs, '$.renamed')::MAP(VARCHAR, VARCHAR) AS renamed,
        run_portfolios.reads_states IS NOT NULL AS is_recorded,
        run_portfolios.held_on,
        if(is_recorded, run_portfolios.state_run_id, run_portfolios.held_run_id) AS named_run,
        run_portfolios.held_ingest_id IS NOT NULL AS is_file
    FROM (SELECT DISTINCT run_id, portfolio_id FROM targets) AS books
    JOIN runs USING (run_id)
    LEFT JOIN run_portfolios USING (run_id, portfolio_id)
    LEFT JOIN limit_sets USING (limits_key)
    WHERE is_recorded
    OR runs.created_at < (SELECT applied_at FROM schema_migrations WHERE version = 'V014')
),
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
    WHERE written.named_run IS NULL AND NOT written.is_recorded
    GROUP BY written.run_id, written.portfolio_id
),
chain AS (
    SELECT
        written.* EXCLUDE (created_at, held_on, named_run, is_file),
        coalesce(written.named_run, seen.run_before) AS run_before,
        if(
            written.is_file
            OR (written.named_run IS NULL AND NOT is_recorded AND coalesce(written.held_on > seen.day_before, true)),
            written.held_on,
            NULL
        ) AS file_date
    FROM written
    LEFT JOIN seen USING (run_id, portfolio_id)
),
before AS (
    SELECT
        chain.run_id,
        chain.portfolio_id,
        lifecycle.* EXCLUDE (run_id, portfolio_id)
    FROM chain
    JOIN lifecycle ON lifecycle.run_id = chain.run_before AND lifecycle.portfolio_id = chain.portfolio_id
    WHERE chain.renamed IS NULL
    UNION ALL
    -- By the name of today; of names that became one the held one, or else that closed last.
    SELECT
        run_id,
        portfolio_id,
        name,
        unnest(arg_min(state, (NOT is_held, if(is_held, NULL, as_of_date - closed_on[1]), is_former, asset))),
        list_reverse_sort(list_distinct(flatten(list(closed_on))))
    FROM (
        SELECT
            lifecycle.* EXCLUDE (run_id),
            chain.run_id,
            chain.as_of_date,
            chain.renamed[lifecycle.asset] IS NOT NULL AS is_former,
            coalesce(chain.renamed[lifecycle.asset], lifecycle.asset) AS name,
            {
                'is_held': is_held,
                'is_confirmed': is_confirmed,
                'opened_on': opened_on,
                'term_started_on': term_started_on,
                'grace_started_on': grace_started_on,
                'grace_count': grace_count,
                'grace_entry_weight': grace_entry_weight
            } AS state
        FROM chain
        JOIN lifecycle ON lifecycle.run_id = chain.run_before AND lifecycle.portfolio_id = chain.portfolio_id
        WHERE chain.renamed IS NOT NULL
    )
    GROUP BY run_id, portfolio_id, name
),
traded AS (
    SELECT
        targets.run_id,
        targets.portfolio_id,
        targets.asset,
        targets.current_weight,
        coalesce(targets.post_trade_weight, targets.current_weight + targets.trade_weight) AS post_weight,
        decisions.grace_count,
        decisions.is_selected AND NOT coalesce(decisions.is_locked, decisions.is_pinned)
            AND coalesce(decisions.score_age_days = 0, false) AS may_renew
    FROM targets
    LEFT JOIN decisions USING (run_id, portfolio_id, asset)
    WHERE NOT targets.is_cash
),
facts AS (
    SELECT
        run_id,
        portfolio_id,
        asset,
        chain.* EXCLUDE (run_id, portfolio_id, renamed, run_before),
        before.* EXCLUDE (run_id, portfolio_id, asset),
        coalesce(before.closed_on, []) AS closes,
        coalesce(traded.current_weight, 0) AS current_weight,
        coalesce(traded.post_weight, 0) AS post_weight,
        traded.grace_count AS decided_count,
        coalesce(traded.may_renew, false) AS may_renew
    FROM before
    FULL JOIN traded USING (run_id, portfolio_id, asset)
    JOIN chain USING (run_id, portfolio_id)
),
corrected AS (
    SELECT
        run_id,
        portfolio_id,
        asset,
        as_of_date,
        exchange,
        is_recorded,
        max_holding_days,
        current_weight,
        post_weight,
        decided_count,
        may_renew,
        file_date IS NOT NULL AS has_file,
        current_weight >= dust_weight AS is_there,
        coalesce(is_held, false) AS had_it,
        coalesce(is_confirmed, true) AS had_confirmed,
        is_there AND NOT had_it AND NOT had_confirmed AS is_withdrawn,
        NOT has_file OR (is_there AND (had_it OR is_withdrawn)) AS keeps_clocks,
        if(has_file OR is_held IS NULL, is_there, is_held) AS was_held,
        has_file OR coalesce(is_confirmed, false) AS was_confirmed,
        if(keeps_clocks, opened_on, NULL) AS was_opened_on,
        if(keeps_clocks, term_started_on, if(is_there, file_date, NULL)) AS was_term_started_on,
        if(keeps_clocks, grace_started_on, NULL) AS was_grace_started_on,
        if(keeps_clocks, grace_count, NULL) AS was_grace_count,
        if(keeps_clocks, grace_entry_weight, NULL) AS was_grace_entry_weight,
        CASE
            WHEN has_file AND is_withdrawn THEN closes[2:]
            WHEN has_file AND NOT is_there AND had_it AND had_confirmed THEN [file_date] || closes
            ELSE closes
        END AS was_closed_on
    FROM facts
),
expected AS (
    SELECT
        corrected.run_id,
        corrected.portfolio_id,
        asset,
        corrected.as_of_date,
        exchange,
        is_recorded,
        NOT was_held AND post_weight > 0 AND post_weight > current_weight AS opens,
        was_held AND post_weight > 0 AS stays,
        was_held AND post_weight = 0 AS closes,
        stays OR opens OR (was_held AND NOT closes) AS is_held,
        was_confirmed AND NOT opens AND NOT closes AS is_confirmed,
        if(opens, corrected.as_of_date, was_opened_on) AS opened_on,
        if(opens OR (stays AND was_term_started_on IS NULL), corrected.as_of_date, was_term_started_on)
            AS term_started_on,
        -- A term of so many sessions is over not before so many days, and at the latest after so many published ones.
        coalesce(stays AND may_renew AND corrected.as_of_date - was_term_started_on >= max_holding_days, false)
            AS may_be_over,
        may_be_over AND coalesce(today.place - term.place >= max_holding_days, false) AS is_over,
        (stays OR closes) AND decided_count IS NOT NULL AND was_grace_started_on IS NULL AS begins_grace,
        if(stays OR closes, decided_count IS NOT NULL, NOT opens) AS keeps_grace,
        CASE
            WHEN begins_grace THEN corrected.as_of_date
            WHEN keeps_grace THEN was_grace_started_on
        END AS grace_started_on,
        CASE
            WHEN stays OR closes THEN decided_count
            WHEN keeps_grace THEN was_grace_count
        END AS grace_count,
        CASE
            WHEN begins_grace THEN current_weight
            WHEN keeps_grace THEN was_grace_entry_weight
        END AS grace_entry_weight,
        if(closes, [corrected.as_of_date], []) || was_closed_on AS closed_on,
        today.place
    FROM corrected
    ASOF LEFT JOIN sessions AS today USING (portfolio_id, exchange, as_of_date)
    ASOF LEFT JOIN sessions AS term
        ON term.portfolio_id = corrected.portfolio_id
        AND term.exchange = corrected.exchange
        AND corrected.was_term_started_on >= term.as_of_date
),
compared AS (
    SELECT
        run_id,
        portfolio_id,
        asset,
        expected.* EXCLUDE (run_id, portfolio_id, asset),
        stored,
        coalesce(stored.is_held, false) AS stored_held,
        coalesce(stored.closed_on, []) AS stored_closes,
        len(stored_closes) AS n_kept
    FROM expected
    FULL JOIN (
        SELECT run_id, portfolio_id, asset, lifecycle AS stored FROM lifecycle SEMI JOIN chain USING (run_id)
    ) AS kept
        USING (run_id, portfolio_id, asset)
)
SELECT format(
    'run {}, {}: {} is {}, expected {}',
    compared.run_id,
    compared.portfolio_id,
    asset,
    coalesce(stored::VARCHAR, 'missing'),
    coalesce(
        {
            'is_held': is_held,
            'is_confirmed': is_confirmed,
            'opened_on': opened_on,
            'term_started_on': if(is_over, compared.as_of_date, term_started_on),
            'grace_started_on': grace_started_on,
            'grace_count': grace_count,
            'grace_entry_weight': grace_entry_weight,
            'closed_on': closed_on
        }::VARCHAR,
        'none'
    )
) AS detail
FROM compared
ASOF LEFT JOIN sessions AS oldest
    ON oldest.portfolio_id = compared.portfolio_id
    AND oldest.exchange = compared.exchange
    AND stored_closes[-1] >= oldest.as_of_date
WHERE is_held IS DISTINCT FROM stored_held
OR stored_closes <> closed_on[:n_kept]
OR coalesce(compared.as_of_date - closed_on[n_kept + 1] <= 260, false)
OR (is_recorded AND coalesce(compared.place - oldest.place > 260, false))
OR (
    stored IS NOT NULL
    AND (
        (NOT stored_held AND n_kept = 0)
        OR stored.is_confirmed <> is_confirmed
        OR stored.opened_on IS DISTINCT FROM opened_on
        OR (
            stored.term_started_on IS DISTINCT FROM term_started_on
            AND NOT (may_be_over AND coalesce(stored.term_started_on = compared.as_of_date, false))
        )
        OR (is_over AND stored.term_started_on IS DISTINCT FROM compared.as_of_date)
        OR stored.grace_started_on IS DISTINCT FROM grace_started_on
        OR stored.grace_count IS DISTINCT FROM grace_count
        OR stored.grace_entry_weight IS DISTINCT FROM grace_entry_weight
    )
)
ORDER BY ALL;
