-- Grain: one row per stay of an asset in a portfolio up to a day, and one per time in grace, in their order, as steps
-- of an explanation. A close that positions withdrew ends no stay.
-- Parameters: $portfolio_id VARCHAR, $asset VARCHAR, $as_of_date DATE.
WITH days AS (
    SELECT
        visible_runs.as_of_date,
        lifecycle.* EXCLUDE (run_id, portfolio_id, asset),
        decisions.gate,
        decisions.gate_limit,
        targets.post_trade_weight,
        lag(lifecycle.opened_on) OVER by_day AS opened_before,
        coalesce(lag(lifecycle.is_held OR NOT lifecycle.is_confirmed) OVER by_day, false) AS was_there,
        lifecycle.is_held AND (NOT was_there OR lifecycle.opened_on IS DISTINCT FROM opened_before) AS begins
    FROM lifecycle
    JOIN visible_runs USING (run_id, portfolio_id)
    LEFT JOIN decisions USING (run_id, portfolio_id, asset)
    LEFT JOIN targets USING (run_id, portfolio_id, asset)
    WHERE lifecycle.portfolio_id = $portfolio_id
        AND lifecycle.asset = $asset
        AND visible_runs.as_of_date <= $as_of_date::DATE
    WINDOW by_day AS (ORDER BY visible_runs.as_of_date)
),
numbered AS (
    SELECT *, sum(begins::INTEGER) OVER (ORDER BY as_of_date) AS stay FROM days
),
stays AS (
    SELECT
        stay,
        any_value(opened_on) AS opened_on,
        min(as_of_date) AS seen_on,
        count(*) FILTER (is_held) AS n_days,
        max(post_trade_weight) FILTER (is_held) AS largest_weight,
        if(arg_max(is_held, as_of_date), NULL, arg_max(closed_on[1], as_of_date)) AS closed_on,
        any_value(
            if(gate_limit IS NULL, gate, format('{} {:.12g}', replace(gate, 'below_', ''), gate_limit))
        ) FILTER (NOT is_held AND as_of_date = closed_on[1]) AS closing_limit
    FROM numbered
    WHERE stay > 0
    GROUP BY stay
),
graces AS (
    SELECT
        stay,
        grace_started_on,
        max(as_of_date) AS last_on,
        max(grace_count) AS grace_count,
        any_value(grace_entry_weight) AS entry_weight,
        arg_max(post_trade_weight, as_of_date) AS last_weight
    FROM numbered
    WHERE grace_started_on IS NOT NULL AND (is_held OR as_of_date = closed_on[1])
    GROUP BY stay, grace_started_on
)
SELECT quantity, value, limit_value, words
FROM (
    SELECT
        stay,
        coalesce(opened_on, seen_on) AS day,
        'stay' AS quantity,
        stay::VARCHAR AS value,
        closing_limit AS limit_value,
        concat_ws(
            ' ',
            coalesce(
                format('Opened {}.', opened_on), format('There before {}, opening not known.', seen_on)
            ),
            format('{} published days, at most {}.', n_days, largest_weight::VARCHAR),
            format('Closed {}{}.', closed_on, if(closing_limit IS NULL, ', as positions show', ''))
        ) AS words
    FROM stays
    UNION ALL
    SELECT
        stay,
        grace_started_on,
        'in grace',
        format('{} to {}', grace_started_on, last_on),
        NULL,
        format(
            '{} failing scores after the first: {} -> {}.',
            grace_count, entry_weight::VARCHAR, coalesce(last_weight, 0)::DECIMAL(10, 8)::VARCHAR
        )
    FROM graces
)
ORDER BY stay, quantity <> 'stay', day;
