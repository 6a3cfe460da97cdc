-- Grain: one row per run of the days to which something happened since then, other than being replaced: the last of it.
-- Parameters: $since TIMESTAMPTZ, $first DATE, $last DATE.
SELECT
    runs.as_of_date,
    runs.run_id,
    (SELECT list(portfolio_id ORDER BY portfolio_id) FROM run_portfolios WHERE run_portfolios.run_id = runs.run_id)
        AS portfolio_ids,
    CASE WHEN happened.state = 'unchanged' AND run_states.state = 'proposed' THEN 'proposed' ELSE happened.state END
        AS state,
    happened.reason AS message
FROM (
    FROM run_events
    WHERE happened_at >= $since::TIMESTAMPTZ AND state <> 'superseded'
    QUALIFY row_number() OVER (PARTITION BY run_id ORDER BY event_id DESC) = 1
) AS happened
JOIN runs USING (run_id)
JOIN run_states USING (run_id)
WHERE runs.as_of_date BETWEEN $first::DATE AND $last::DATE
ORDER BY runs.as_of_date, happened.event_id;
