-- Grain: one row per day that has a run, or scores: how it went, newest first.
CREATE OR REPLACE VIEW run_health AS
WITH days AS (
    SELECT as_of_date, bool_or(is_run_expected) AS is_run_expected
    FROM (
        SELECT as_of_date, true AS is_run_expected FROM runs
        UNION ALL
        -- A content of many days may have rows of holidays, and of years that nobody runs.
        SELECT
            as_of_date,
            refusal IS NOT NULL OR min(as_of_date) OVER same_content = max(as_of_date) OVER same_content
        FROM ingests
        WHERE kind = 'scores'
        WINDOW same_content AS (PARTITION BY sha256)
    )
    GROUP BY as_of_date
),
events AS (
    SELECT
        runs.as_of_date,
        run_events.*,
        max(run_events.happened_at) FILTER (run_events.state = 'started')
            OVER (PARTITION BY run_events.run_id ORDER BY run_events.event_id) AS started_at,
        coalesce(ended.outcome, run_events.state) AS told_state
    FROM run_events
    JOIN runs USING (run_id)
    -- A decline is no failed check, and a proposal that was replaced waits no more.
    LEFT JOIN proposal_history AS ended ON run_events.event_id = CASE ended.outcome
        WHEN 'declined' THEN ended.decision_id
        WHEN 'superseded' THEN ended.event_id
    END
),
happened AS (
    SELECT
        as_of_date,
        arg_max(told_state, event_id) FILTER (state NOT IN ('unchanged', 'superseded')) AS last_state,
        arg_max(reason, event_id) FILTER (state NOT IN ('unchanged', 'superseded')) AS last_reason,
        arg_max(started_at, event_id) FILTER (state NOT IN ('unchanged', 'superseded')) AS last_started_at,
        count(*) FILTER (state = 'started') AS n_tries,
        count(*) FILTER (state = 'unchanged') AS n_unchanged,
        arg_max(run_id, event_id) FILTER (state = 'published') AS run_id,
        arg_max(started_at, event_id) FILTER (state = 'published') AS started_at,
        max(happened_at) FILTER (state = 'published') AS published_at,
        arg_max("by", event_id) FILTER (state = 'published') AS published_by,
        arg_max(reason, event_id) FILTER (state = 'published') AS published_reason,
        arg_max(reason, event_id) FILTER (state = 'held') AS held_reason,
        arg_max(reason, event_id) FILTER (told_state = 'rejected') AS failed_checks,
        arg_max(format('{}: {}', "by", reason), event_id) FILTER (told_state = 'declined') AS declined_reason,
        arg_max(reason, event_id) FILTER (state = 'failed') AS failure
    FROM events
    GROUP BY as_of_date
),
-- As in publications. Most portfolios and days were published once: only of the others it is counted.
published AS (
    SELECT as_of_date, max(n_publications) AS n_publications
    FROM (
        SELECT as_of_date, count(*) FILTER (is_another) AS n_publications
        FROM (
            SELECT
                portfolio_id,
                as_of_date,
                run_id IS DISTINCT FROM lag(run_id) OVER (
                    PARTITION BY portfolio_id, as_of_date ORDER BY event_id
                ) AS is_another
            FROM visibility
            SEMI JOIN (FROM visibility WHERE visible_until IS NOT NULL) AS replaced USING (portfolio_id, as_of_date)
        )
        GROUP BY portfolio_id, as_of_date
        UNION ALL
        SELECT DISTINCT as_of_date, 1 FROM visibility
    )
    GROUP BY as_of_date
),
visible AS (
    SELECT as_of_date, count(*) AS n_portfolios
    FROM visible_runs
    GROUP BY as_of_date
),
waiting AS (
    SELECT
        as_of_date,
        list(DISTINCT portfolio_id ORDER BY portfolio_id) AS portfolio_ids,
        list(
            format('{}: {}{}', portfolio_id, reason, if(needs_four_eyes, ', not by ' || proposed_by, ''))
            ORDER BY portfolio_id, run_id
        ) AS requests,
        array_to_string(requests[:10], '; ') || if(len(requests) > 10, format('; and {} more', len(requests) - 10), '')
            AS approval_asked
    FROM open_proposals
    GROUP BY as_of_date
),
-- What ran on the day, or was visible on the last such day before it, and is not visible on it.
missing AS (
    SELECT
        as_of_date,
        list(DISTINCT portfolio_id ORDER BY portfolio_id) AS portfolio_ids,
        list(DISTINCT portfolio_id ORDER BY portfolio_id) FILTER (halted.is_all OR named.portfolio_id IS NOT NULL)
            AS halted_portfolios
    FROM (
        SELECT runs.as_of_date, run_portfolios.portfolio_id
        FROM runs
        JOIN run_portfolios USING (run_id)
        UNION ALL
        SELECT following.as_of_date, before.portfolio_id
        FROM (
            SELECT days.as_of_date, earlier.as_of_date AS day_before
            FROM days
            ASOF JOIN (SELECT DISTINCT as_of_date FROM visible_runs) AS earlier
                ON days.as_of_date > earlier.as_of_date
            WHERE days.is_run_expected
        ) AS following
        JOIN visible_runs AS before ON before.as_of_date = following.day_before
    ) AS expected
    -- No anti join: DuckDB would read the visible runs of every day for the days that are asked for.
    LEFT JOIN visible_runs USING (as_of_date, portfolio_id)
    LEFT JOIN halts_in_force AS named USING (portfolio_id)
    CROSS JOIN (SELECT count(*) > 0 AS is_all FROM halts_in_force WHERE portfolio_id IS NULL) AS halted
    WHERE visible_runs.run_id IS NULL
    GROUP BY as_of_date
),
ingested AS (
    SELECT as_of_date, sum(rows_read) AS rows_read, sum(rows_rejected) AS rows_rejected
    FROM effective_ingests
    GROUP BY as_of_date
),
rejected_files AS (
    SELECT as_of_date, count(*) AS n_refused_files
    FROM refused_files
    WHERE NOT is_corrected
    GROUP BY as_of_date
),
scored AS (
    SELECT
        visible_runs.as_of_date,
        count(*) FILTER (coalesce(decisions.score_age_days > 0, true)) AS n_holdings_without_score,
        count(*) FILTER (decisions.is_score_stale) AS n_stale_scores
    FROM decisions
    JOIN visible_runs USING (run_id, portfolio_id)
    WHERE decisions.is_held
    GROUP BY visible_runs.as_of_date
),
resting AS (
    SELECT
        as_of_date,
        [format(
            'the holdings of {} rest on targets of {} that were replaced since, see superseded_holdings',
            array_to_string(list(portfolio_id ORDER BY portfolio_id)[:10], ', ')
                || if(count(*) > 10, format(' and {} more', count(*) - 10), ''),
            min(replaced_as_of_date)
        )] AS warnings
    FROM superseded_holdings
    GROUP BY as_of_date
),
corrected AS (
    SELECT
        as_of_date,
        list_sort(list(DISTINCT portfolio_id)) AS names,
        [format(
            'targets of {}{} rest on {} corrected since, see targets_on_corrected_inputs: run the day again',
            array_to_string(names[:10], ', '),
            if(len(names) > 10, format(' and {} more', len(names) - 10), ''),
            string_agg(DISTINCT kind, ', ' ORDER BY kind)
        )] AS warnings
    FROM targets_on_corrected_inputs
    GROUP BY as_of_date
),
gathered AS (
    SELECT
        days.as_of_date,
        days.is_run_expected,
        happened.* EXCLUDE (as_of_date),
        coalesce(visible.n_portfolios, 0) > 0 AS is_visible,
        coalesce(missing.portfolio_ids, []) AS missing_portfolios,
        coalesce(waiting.portfolio_ids, []) AS waiting_portfolios,
        coalesce(missing.halted_portfolios, []) AS halted_portfolios,
        waiting.approval_asked
    FROM days
    LEFT JOIN waiting USING (as_of_date)
    LEFT JOIN happened USING (as_of_date)
    LEFT JOIN visible USING (as_of_date)
    LEFT JOIN missing USING (as_of_date)
)
SELECT
    as_of_date,
    CASE
        WHEN last_state IS NULL THEN 'not_run'
        WHEN NOT is_visible AND len(waiting_portfolios) > 0 THEN 'proposed'
        WHEN NOT is_visible THEN last_state
        WHEN len(missing_portfolios) > 0 THEN 'partly_published'
        ELSE 'published'
    END AS state,
    CASE
        WHEN is_run_expected THEN is_visible AND len(missing_portfolios) = 0
    END AS is_covered,
    missing_portfolios,
    waiting_portfolios,
    halted_portfolios,
    last_state,
    last_reason,
    coalesce(started_at, last_started_at) AS started_at,
    published_at,
    published_by,
    epoch(published_at - started_at) AS seconds_taken,
    coalesce(n_tries, 0) AS n_tries,
    coalesce(n_publications, 0) AS n_publications,
    coalesce(n_unchanged, 0) AS n_unchanged,
    coalesce(rows_read, 0)::BIGINT AS rows_read,
    coalesce(rows_rejected, 0)::BIGINT AS rows_rejected,
    coalesce(n_refused_files, 0) AS n_refused_files,
    coalesce(n_holdings_without_score, 0) AS n_holdings_without_score,
    coalesce(n_stale_scores, 0) AS n_stale_scores,
    coalesce(string_split(published_reason, '; warning: ')[2:], []) || coalesce(resting.warnings, [])
        || coalesce(corrected.warnings, []) AS warnings,
    approval_asked,
    declined_reason,
    held_reason,
    failed_checks,
    failure,
    run_id
FROM gathered
LEFT JOIN published USING (as_of_date)
LEFT JOIN ingested USING (as_of_date)
LEFT JOIN rejected_files USING (as_of_date)
LEFT JOIN scored USING (as_of_date)
LEFT JOIN resting USING (as_of_date)
LEFT JOIN corrected USING (as_of_date)
ORDER BY as_of_date DESC;

COMMENT ON VIEW run_health IS 'One row per day that has a run, or scores, newest first: how it went. A trading day without either has no row.';
COMMENT ON COLUMN run_health.as_of_date IS 'Trading day, exchange date.';
COMMENT ON COLUMN run_health.state IS 'published, partly_published (some portfolios are missing), not_run (scores, but no run), or the state of the last run where nothing is visible: started, held, failed, rejected, proposed (it waits for approval), declined, superseded (it was a proposal, and one of a later day replaced it).';
COMMENT ON COLUMN run_health.is_covered IS 'Whether every portfolio that a run of the day covers, or that was published the day before, has visible targets of the day. Null: no run, and scores only from a content of many days (a history may have rows of holidays); a file of the day alone wants a run.';
COMMENT ON COLUMN run_health.missing_portfolios IS 'Those that have none; empty when is_covered is true or null.';
COMMENT ON COLUMN run_health.waiting_portfolios IS 'Portfolios of the day with a proposal that waits for approval, missing ones or corrections: see open_proposals.';
COMMENT ON COLUMN run_health.halted_portfolios IS 'Those of missing_portfolios whose publication is halted now: see halts_in_force.';
COMMENT ON COLUMN run_health.last_state IS 'The last event of a run of the day, unchanged and superseded aside: a held one after a published one is a correction that was held, a superseded one a proposal that another run replaced. Null: no run.';
COMMENT ON COLUMN run_health.last_reason IS 'Why, in words.';
COMMENT ON COLUMN run_health.started_at IS 'When the run that was published last was started, UTC; without one, when the last run was started.';
COMMENT ON COLUMN run_health.published_at IS 'When targets of the day were last published, UTC; null when never.';
COMMENT ON COLUMN run_health.published_by IS 'Who requested the run that was published last, or approved it; the flow run where a schedule did. Null when never published.';
COMMENT ON COLUMN run_health.seconds_taken IS 'From started_at to published_at, seconds; null when never published.';
COMMENT ON COLUMN run_health.n_tries IS 'Starts of runs of the day, count.';
COMMENT ON COLUMN run_health.n_publications IS 'Publications of the portfolio that has most of them, count; more than 1: it was corrected, see correction_changes.';
COMMENT ON COLUMN run_health.n_unchanged IS 'Repetitions that found nothing to do, count.';
COMMENT ON COLUMN run_health.rows_read IS 'Data rows read of the files of the day that count, count; lists that count on from an earlier day are with that day.';
COMMENT ON COLUMN run_health.rows_rejected IS 'Rows of them that were rejected, count: see rejected_rows.';
COMMENT ON COLUMN run_health.n_refused_files IS 'Files of the day that were rejected and not corrected since, count: see refused_files.';
COMMENT ON COLUMN run_health.n_holdings_without_score IS 'Holdings without a score of the day, over all portfolios, count: an older one may still count.';
COMMENT ON COLUMN run_health.n_stale_scores IS 'Holdings whose score is too old to act on, over all portfolios, count: their weight is frozen.';
COMMENT ON COLUMN run_health.warnings IS 'Warnings of the last publication, and that its holdings were replaced or its inputs corrected since, a list of sentences; empty when there are none.';
COMMENT ON COLUMN run_health.approval_asked IS 'Why the waiting portfolios require approval, the first ten of them, and who may not approve; null when none waits.';
COMMENT ON COLUMN run_health.declined_reason IS 'Who last declined a proposal of the day, and why; null when nobody did.';
COMMENT ON COLUMN run_health.held_reason IS 'Why a run of the day was last held; null when none was.';
COMMENT ON COLUMN run_health.failed_checks IS 'Which checks last rejected a run of the day, with their first rows; null when none was rejected.';
COMMENT ON COLUMN run_health.failure IS 'Error with which a run of the day last failed; null when none did.';
COMMENT ON COLUMN run_health.run_id IS 'Run of the last publication, see runs; null when never published.';
