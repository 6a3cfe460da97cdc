-- Failures: names that are opened within reentry_cooldown_days of their last close, or after max_round_trips in
-- round_trip_window_days, with less than reentry_score; names that are stopped for that without such a close, or with
-- other days left than there are. Sessions are those that the run counted; of a run that recorded none, whatever calendar
-- days allow, since no session is more than one day.
-- Since: V014. Parameters: $run_id VARCHAR.
-- Read once, not beside each row: the record of a run grows with its portfolios.
WITH run AS MATERIALIZED (
    SELECT
        run_id,
        as_of_date,
        json_extract(inputs, '$.sessions_since')::MAP(VARCHAR, INTEGER) AS sessions_since
    FROM runs
    WHERE run_id = $run_id
)
SELECT
    portfolio_id,
    format(
        '{} with score {} has gate {}, {} days left, opened {}, closed {}; limits: {} days, {} closings in {} days',
        asset,
        coalesce(score::VARCHAR, 'null'),
        coalesce(gate, 'null'),
        coalesce(gate_days_left::VARCHAR, 'no'),
        coalesce(opened_on::VARCHAR, 'no day'),
        coalesce(closed_on, [])::VARCHAR,
        coalesce(reentry_cooldown_days::VARCHAR, 'no'),
        coalesce(max_round_trips::VARCHAR, 'no'),
        coalesce(round_trip_window_days::VARCHAR, 'no')
    ) AS detail
FROM (
    SELECT
        decisions.portfolio_id,
        decisions.asset,
        decisions.score,
        decisions.gate,
        decisions.gate_days_left,
        kept.opened_on,
        kept.closed_on,
        run_limits.reentry_cooldown_days,
        run_limits.max_round_trips,
        run_limits.round_trip_window_days,
        coalesce(kept.is_held AND kept.opened_on = run.as_of_date, false) AS is_opened,
        coalesce(round(decisions.score * 1e12) >= round(run_limits.reentry_score * 1e12), false) AS may_return,
        run.sessions_since,
        list_transform(
            kept.closed_on, lambda day: coalesce(run.sessions_since[day::VARCHAR], run.as_of_date - day)
        ) AS days_since_closes,
        CASE decisions.gate
            WHEN 'reentry_cooldown_days' THEN run_limits.reentry_cooldown_days
            WHEN 'max_round_trips' THEN run_limits.round_trip_window_days
        END AS most_days,
        if(decisions.gate = 'max_round_trips', run_limits.max_round_trips, 1) AS nth_close,
        most_days + 1 - days_since_closes[nth_close] AS days_left
    FROM decisions
    JOIN run USING (run_id)
    JOIN run_limits USING (run_id, portfolio_id)
    LEFT JOIN lifecycle AS kept USING (run_id, portfolio_id, asset)
    WHERE decisions.run_id = $run_id
    -- Elsewhere nothing can fail, and no state has to be looked at.
    AND (
        run_limits.reentry_cooldown_days > 0
        OR run_limits.max_round_trips IS NOT NULL
        OR decisions.gate IN ('reentry_cooldown_days', 'max_round_trips')
    )
)
WHERE (
    is_opened
    AND NOT may_return
    AND (
        coalesce(reentry_cooldown_days > 0 AND days_since_closes[1] <= reentry_cooldown_days, false)
        OR coalesce(days_since_closes[max_round_trips] <= round_trip_window_days, false)
    )
)
OR (
    most_days IS NOT NULL
    AND NOT coalesce(
        gate_days_left BETWEEN 1 AND most_days + 1
        AND if(
            sessions_since[closed_on[nth_close]::VARCHAR] IS NULL,
            gate_days_left >= days_left,
            gate_days_left = days_left
        ),
        false
    )
)
ORDER BY ALL;
