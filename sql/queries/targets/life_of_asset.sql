-- Grain: one row per stay of an asset in a portfolio up to a day, and one per time in grace, in their order, as steps
-- of an explanation.
-- Parameters: $portfolio_id VARCHAR, $asset VARCHAR, $as_of_date DATE.
WITH stays AS (
    SELECT
        *,
        coalesce(closed_on <= $as_of_date::DATE, false) AS is_closed,
        outcome = 'undone' AS is_undone
    FROM holding_periods
    WHERE portfolio_id = $portfolio_id AND asset = $asset AND first_seen_on <= $as_of_date::DATE
),
lived AS (
    SELECT visible_runs.as_of_date, lifecycle.*, targets.post_trade_weight
    FROM lifecycle
    JOIN visible_runs USING (run_id, portfolio_id)
    LEFT JOIN targets USING (run_id, portfolio_id, asset)
    WHERE lifecycle.portfolio_id = $portfolio_id
        AND lifecycle.asset = $asset
        AND visible_runs.as_of_date <= $as_of_date::DATE
),
-- Held before the first published day after whose trades it was held.
before_all AS (
    SELECT closed_on
    FROM (SELECT unnest(arg_max(closed_on, as_of_date)) AS closed_on FROM lived)
    ANTI JOIN stays USING (closed_on)
),
graces AS (
    SELECT
        grace_started_on,
        max(as_of_date) AS last_on,
        max(grace_count) AS grace_count,
        any_value(grace_entry_weight) AS entry_weight,
        coalesce(arg_max(post_trade_weight, as_of_date), 0)::DECIMAL(10, 8) AS last_weight
    FROM lived
    -- A closed name keeps its clocks until positions confirm the close.
    WHERE grace_started_on IS NOT NULL AND (is_held OR as_of_date = closed_on[1])
    GROUP BY grace_started_on
)
SELECT quantity, value, limit_value, words
FROM (
    SELECT
        coalesce(opened_on, first_seen_on) AS day,
        'stay' AS quantity,
        stay::VARCHAR AS value,
        if(is_closed, gate, NULL) AS limit_value,
        concat_ws(
            ' ',
            coalesce(format('Opened {}.', opened_on), format('There before {}, opening not known.', first_seen_on)),
            if(
                is_closed,
                format(
                    'Closed {}{}, after {} published days.',
                    closed_on, if(outcome = 'gone', ' as positions show', ''), published_days
                ),
                NULL
            ),
            if(is_undone, 'Never done, as positions show.', NULL)
        ) AS words
    FROM stays
    UNION ALL
    SELECT closed_on, 'stay', NULL, NULL, format('There before, opening not known. Closed {}.', closed_on)
    FROM before_all
    UNION ALL
    SELECT
        grace_started_on,
        'in grace',
        format('{} to {}', grace_started_on, last_on),
        NULL,
        format(
            'Failing scores after the first: {}. Weight {} -> {}.',
            grace_count, entry_weight::VARCHAR, last_weight::VARCHAR
        )
    FROM graces
)
ORDER BY day, quantity = 'in grace';
