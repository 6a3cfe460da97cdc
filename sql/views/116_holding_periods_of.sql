-- Grain: one row per portfolio, asset and stay along the visible runs. A stay goes on while the state is held with the
-- same opening, under whatever name; a close that positions withdraw does not end it. It ends with a close, or, where
-- positions show that it never was or where its asset became one with another one, without one.
-- portfolio: VARCHAR, the only one whose rows are read; null: all.
CREATE OR REPLACE MACRO holding_periods_of(portfolio) AS TABLE
WITH lived AS (
    SELECT
        followed.portfolio_id,
        followed.run_id,
        followed.as_of_date,
        followed.place,
        every_day.last_day,
        every_day.n_days,
        followed.asset,
        followed.name_today,
        followed.merged_at,
        followed.is_held,
        followed.opened_on,
        followed.closed_on,
        lag(followed.place) OVER one_name = followed.place - 1 AS has_state_before,
        followed.is_held AND NOT coalesce(
            has_state_before
            AND followed.opened_on IS NOT DISTINCT FROM lag(followed.opened_on) OVER one_name
            AND (
                lag(followed.is_held) OVER one_name
                OR followed.term_started_on IS NOT DISTINCT FROM lag(followed.term_started_on) OVER one_name
            ),
            false
        ) AS begins,
        lead(followed.place) OVER one_name = followed.place + 1 AS has_state_after,
        CASE WHEN has_state_after THEN lead(followed.closed_on[1]) OVER one_name END AS next_close,
        CASE WHEN has_state_after THEN lead(followed.asset) OVER one_name END AS next_asset,
        -- Closed, withdrawn by positions, and closed again on the next day: it was held in between.
        NOT followed.is_held AND coalesce(
            next_close > followed.closed_on[1]
            AND NOT lead(followed.is_held) OVER one_name
            AND NOT list_contains(lead(followed.closed_on) OVER one_name, followed.closed_on[1])
            AND followed.term_started_on IS NOT DISTINCT FROM lead(followed.term_started_on) OVER one_name,
            false
        ) AS is_withdrawn
    FROM followed_lifecycle_of(portfolio) AS followed
    JOIN (
        SELECT portfolio_id, max(as_of_date) AS last_day, count(*) AS n_days
        FROM visible_runs
        WHERE portfolio IS NULL OR portfolio_id = portfolio
        GROUP BY portfolio_id
    ) AS every_day USING (portfolio_id)
    WINDOW one_name AS (
        PARTITION BY followed.portfolio_id, followed.name_today, followed.merged_at ORDER BY followed.place
    )
),
stays AS (
    SELECT
        portfolio_id,
        name_today AS asset,
        merged_at,
        row_number() OVER (PARTITION BY portfolio_id, name_today ORDER BY min(place), merged_at) AS stay,
        any_value(last_day) AS last_day,
        any_value(n_days) AS n_days,
        arg_min(run_id, place) AS first_run_id,
        arg_min(asset, place) AS first_asset,
        min(as_of_date) AS first_seen_on,
        min(place) AS first_place,
        max(place) AS last_place,
        arg_max(opened_on, place) AS opened_on,
        arg_max(next_close, place) AS next_close,
        arg_max(next_asset, place) AS next_asset
    FROM (
        SELECT
            *,
            count(*) FILTER (begins) OVER (PARTITION BY portfolio_id, name_today, merged_at ORDER BY place) AS number
        FROM lived
    )
    WHERE is_held OR is_withdrawn
    GROUP BY portfolio_id, name_today, merged_at, number
),
ended AS (
    SELECT
        *,
        last_place = n_days AS is_held,
        if(next_close >= coalesce(opened_on, first_seen_on) AND NOT is_held, next_close, NULL) AS closed_on,
        last_place + 1 AS next_place
    FROM stays
),
closings AS (
    SELECT ended.*, after.run_id, closing.gate, closing.score, closing.is_held AS was_held, closing.current_weight
    FROM ended
    LEFT JOIN (FROM published_days WHERE portfolio IS NULL OR portfolio_id = portfolio) AS after
        ON after.portfolio_id = ended.portfolio_id AND after.place = ended.next_place
    LEFT JOIN decisions AS closing
        ON closing.run_id = after.run_id
        AND closing.portfolio_id = ended.portfolio_id
        AND closing.asset = ended.next_asset
)
SELECT
    ended.portfolio_id,
    ended.asset,
    ended.stay,
    ended.opened_on,
    ended.first_seen_on,
    ended.closed_on,
    CASE
        WHEN ended.is_held THEN 'held'
        WHEN ended.merged_at = ended.next_place THEN 'merged'
        WHEN ended.closed_on IS NULL THEN 'undone'
        -- What positions show as less than dust_weight, which is at most 0.01, is gone before our trades.
        WHEN ended.was_held AND NOT coalesce(
            book.book = 'positions'
            AND ended.current_weight < 0.01
            AND ended.current_weight < (runs.inputs ->> 'dust_weight')::DECIMAL(10, 8),
            false
        ) THEN 'closed'
        ELSE 'gone'
    END AS outcome,
    CASE WHEN outcome = 'closed' THEN coalesce(ended.gate, size.drop_reason) END AS gate,
    opening.score AS entry_score,
    CASE WHEN outcome = 'closed' THEN ended.score END AS exit_score,
    (if(ended.is_held, ended.last_day, ended.closed_on) - coalesce(ended.opened_on, ended.first_seen_on))::INTEGER
        AS calendar_days,
    (least(next_place, ended.n_days) - ended.first_place)::INTEGER AS published_days,
    (ended.stay - 1)::INTEGER AS n_stays_before
FROM closings AS ended
LEFT JOIN run_portfolios AS book USING (run_id, portfolio_id)
LEFT JOIN runs USING (run_id)
LEFT JOIN decisions AS opening
    ON opening.run_id = ended.first_run_id
    AND opening.portfolio_id = ended.portfolio_id
    AND opening.asset = ended.first_asset
LEFT JOIN sizing_audit AS size
    ON size.run_id = ended.run_id AND size.portfolio_id = ended.portfolio_id AND size.asset = ended.next_asset
ORDER BY ended.portfolio_id, ended.asset, ended.stay;

COMMENT ON MACRO TABLE holding_periods_of IS 'holding_periods_of(portfolio VARCHAR): holding_periods of one portfolio, which reads no rows of others; null: of all.
portfolio_id VARCHAR: Portfolio.
asset VARCHAR: Asset, by its name on the newest published day: renames are followed.
stay BIGINT: Number of the stay of the asset in the portfolio, from 1.
opened_on DATE: Day on which it was opened, exchange date; null: not known, it was there without an opening of ours.
first_seen_on DATE: First published day after whose trades it was held, exchange date.
closed_on DATE: Day on which it was closed, exchange date; null: held, undone or merged.
outcome VARCHAR: held; closed (by our trades); gone (positions show it no more); undone (positions show that our opening never was); merged (a rename made it one with another holding, whose stay went on).
gate VARCHAR: Gate that closed it, see decisions, or the reason why its sizing dropped it, see sizing_audit; null: not closed by us.
entry_score DOUBLE: Score on the first day, in [0, 1]; null: it had none.
exit_score DOUBLE: Score on the day on which it was closed, in [0, 1]; null: not closed by us, or it had none.
calendar_days INTEGER: Calendar days from the opening, or from the first day seen, to the closing, or to the last published day; null: undone or merged.
published_days INTEGER: Published days after the first one, to the closing or to the last one, count. Sessions that published nothing are not among them.
n_stays_before INTEGER: How often it was held before, count.';
