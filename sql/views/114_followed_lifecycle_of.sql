-- Grain: one row per visible run, portfolio and remembered name, as in lifecycle, and the name under which its state goes on
-- today: renames are followed, one after the other. Of names that became one the state of one goes on, see tasks/renames.py;
-- those of the others end there.
-- portfolio: VARCHAR, the only one whose rows are read; null: all.
CREATE OR REPLACE MACRO followed_lifecycle_of(portfolio) AS TABLE
WITH RECURSIVE
-- A run has every name that no longer counts: the first one that has it moves its state.
named AS (
    SELECT portfolio_id, place, old, new
    FROM (
        SELECT portfolio_id, place, unnest(map_keys(renamed)) AS old, unnest(map_values(renamed)) AS new
        FROM (
            SELECT portfolio_id, place, json_extract(runs.inputs, '$.renamed')::MAP(VARCHAR, VARCHAR) AS renamed
            FROM published_days
            JOIN runs USING (run_id)
            WHERE portfolio IS NULL OR portfolio_id = portfolio
        )
    )
    QUALIFY lag(new) OVER (PARTITION BY portfolio_id, old ORDER BY place) IS DISTINCT FROM new
),
-- Of names that became one the held one, or else that closed last.
ranked AS (
    SELECT
        becoming.portfolio_id,
        becoming.place,
        lifecycle.asset,
        becoming.new,
        row_number() OVER (
            PARTITION BY becoming.portfolio_id, becoming.place, becoming.new
            ORDER BY
                NOT lifecycle.is_held,
                if(lifecycle.is_held, NULL, lifecycle.closed_on[1]) DESC,
                lifecycle.asset <> becoming.new,
                lifecycle.asset
        ) AS number
    FROM (FROM published_days WHERE portfolio IS NULL OR portfolio_id = portfolio) AS published_days
    JOIN lifecycle USING (run_id, portfolio_id)
    JOIN (
        SELECT portfolio_id, place, old, new FROM named
        UNION
        SELECT portfolio_id, place, new, new FROM named
    ) AS becoming
        ON becoming.portfolio_id = published_days.portfolio_id
        AND becoming.place = published_days.place + 1
        AND becoming.old = lifecycle.asset
),
-- What a state becomes; null: it ends. Where another one takes a name, what had it before ends.
turns AS (
    SELECT portfolio_id, place, asset, if(number = 1, new, NULL) AS next_asset
    FROM ranked
    WHERE number > 1 OR asset <> new
    UNION
    SELECT portfolio_id, place, new, NULL FROM ranked WHERE number = 1 AND asset <> new
),
traced AS (
    SELECT
        portfolio_id,
        asset,
        place,
        coalesce(next_asset, asset) AS name,
        place AS turned_at,
        next_asset IS NULL AS is_over
    FROM turns
    UNION ALL
    SELECT
        traced.portfolio_id,
        traced.asset,
        traced.place,
        coalesce(turns.next_asset, turns.asset),
        turns.place,
        turns.next_asset IS NULL
    FROM traced
    JOIN turns
        ON turns.portfolio_id = traced.portfolio_id AND turns.asset = traced.name AND turns.place > traced.turned_at
    WHERE NOT traced.is_over
    QUALIFY row_number() OVER (
        PARTITION BY traced.portfolio_id, traced.asset, traced.place ORDER BY turns.place
    ) = 1
),
ends AS (
    SELECT
        portfolio_id,
        asset,
        place,
        arg_max(name, turned_at) AS name,
        max(turned_at) FILTER (is_over) AS over_at
    FROM traced
    GROUP BY portfolio_id, asset, place
)
SELECT
    remembered.run_id,
    remembered.portfolio_id,
    remembered.as_of_date,
    remembered.place,
    remembered.asset,
    coalesce(ends.name, remembered.asset) AS name_today,
    ends.over_at AS merged_at,
    remembered.is_held,
    remembered.is_confirmed,
    remembered.opened_on,
    remembered.term_started_on,
    remembered.grace_started_on,
    remembered.grace_count,
    remembered.grace_entry_weight,
    remembered.closed_on
-- Not named above: what is used twice is made for all portfolios, and a question is mostly about one.
FROM (
    SELECT published_days.as_of_date, published_days.place, lifecycle.*
    FROM published_days
    JOIN lifecycle USING (run_id, portfolio_id)
    WHERE portfolio IS NULL OR portfolio_id = portfolio
) AS remembered
ASOF LEFT JOIN ends
    ON ends.portfolio_id = remembered.portfolio_id
    AND ends.asset = remembered.asset
    AND remembered.place < ends.place
ORDER BY remembered.portfolio_id, name_today, remembered.place;

COMMENT ON MACRO TABLE followed_lifecycle_of IS 'followed_lifecycle_of(portfolio VARCHAR): followed_lifecycle of one portfolio, which reads no rows of others; null: of all.
run_id VARCHAR: Run after which it is so, see runs.
portfolio_id VARCHAR: Portfolio.
as_of_date DATE: Trading day, exchange date.
place BIGINT: Number of the published day of the portfolio, from 1.
asset VARCHAR: Asset, by its name on the day.
name_today VARCHAR: Its name on the newest published day, or the last one that it had.
merged_at BIGINT: Number of the published day on which it became one with another name, whose state went on; null: none.
is_held BOOLEAN: Whether it is held when the trades are done.
is_confirmed BOOLEAN: Whether positions since agreed with it: what no positions confirmed is withdrawn where they differ.
opened_on DATE: Day on which the holding was opened, exchange date; of a closed name the last one. Null: not known, it was there without an opening of ours.
term_started_on DATE: Day from which max_holding_days counts, exchange date: the opening, the first day on which it was seen, or the last review.
grace_started_on DATE: Day of the first failing score, exchange date; null: not in grace.
grace_count INTEGER: Failing scores after the first, count; null: not in grace.
grace_entry_weight DECIMAL(10,8): Weight held on the day of the first failing score, fraction of the portfolio value; null: not in grace.
closed_on DATE[]: Days on which the name was closed in the last 260 sessions, exchange dates, newest first; empty: none.';
