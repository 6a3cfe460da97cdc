-- Grain: one row per stay of an asset in a portfolio up to a day, and one per time in grace, in their order, as steps
-- of an explanation. The asset is followed through its names.
-- Parameters: $portfolio_id VARCHAR, $asset VARCHAR, $as_of_date DATE.
WITH asked AS (
    SELECT arg_max(name_today, as_of_date) AS name, arg_max(coalesce(merged_at, 0), as_of_date) AS merged_at
    FROM followed_lifecycle_of($portfolio_id::VARCHAR) AS followed_lifecycle
    WHERE portfolio_id = $portfolio_id AND asset = $asset AND as_of_date <= $as_of_date::DATE
),
lived AS (
    SELECT followed_lifecycle.*, targets.post_trade_weight
    FROM followed_lifecycle_of($portfolio_id::VARCHAR) AS followed_lifecycle
    JOIN asked ON asked.name = name_today AND asked.merged_at = coalesce(followed_lifecycle.merged_at, 0)
    LEFT JOIN targets USING (run_id, portfolio_id, asset)
    WHERE followed_lifecycle.portfolio_id = $portfolio_id AND followed_lifecycle.as_of_date <= $as_of_date::DATE
),
stays AS (
    SELECT
        holding_periods.*,
        coalesce(closed_on <= $as_of_date::DATE, false) AS is_closed,
        coalesce(' as ' || first.former_name, '') AS as_name
    FROM holding_periods_of($portfolio_id::VARCHAR) AS holding_periods
    JOIN asked ON asked.name = holding_periods.asset
    LEFT JOIN (
        SELECT as_of_date AS first_seen_on, asset AS former_name FROM lived WHERE asset <> $asset
    ) AS first USING (first_seen_on)
    WHERE holding_periods.portfolio_id = $portfolio_id AND first_seen_on <= $as_of_date::DATE
),
-- Held before the first published day that remembers it; or remembered since a rename made it one with a closed name.
elsewhere AS (
    SELECT closed_on, closed_on > (SELECT min(as_of_date) FROM lived) AS is_of_another_name
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
            coalesce(
                format('Opened {}{}.', opened_on, as_name),
                format('There before {}{}, opening not known.', first_seen_on, as_name)
            ),
            if(
                is_closed,
                format(
                    'Closed {}{}, after {} published day{}.',
                    closed_on,
                    if(outcome = 'gone', ' as positions show', ''),
                    published_days,
                    if(published_days = 1, '', 's')
                ),
                NULL
            ),
            CASE outcome
                WHEN 'undone' THEN 'Never done, as positions show.'
                WHEN 'merged' THEN 'A rename made it one with another holding.'
            END
        ) AS words
    FROM stays
    UNION ALL
    SELECT
        closed_on,
        'stay',
        NULL,
        NULL,
        format(
            if(
                is_of_another_name,
                'Closed {} under another name, which a rename made one with it.',
                'There before, opening not known. Closed {}.'
            ),
            closed_on
        )
    FROM elsewhere
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
