-- Failures: names that are opened within reentry_cooldown_days of their last close, or after max_round_trips in
-- round_trip_window_days, with less than reentry_score; names that are stopped for that without such a close, or
-- without the days that are left. A session is one calendar day, so no more sessions have passed than calendar days.
-- Since: V014. Parameters: $run_id VARCHAR.
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
        coalesce(kept.is_held AND kept.opened_on = runs.as_of_date, false) AS is_opened,
        coalesce(round(decisions.score * 1e12) >= round(run_limits.reentry_score * 1e12), false) AS may_return,
        runs.as_of_date - kept.closed_on[1] AS days_since_close,
        len(
            list_filter(kept.closed_on, lambda day: runs.as_of_date - day <= run_limits.round_trip_window_days)
        ) AS n_trips,
        CASE decisions.gate
            WHEN 'reentry_cooldown_days' THEN run_limits.reentry_cooldown_days
            WHEN 'max_round_trips' THEN run_limits.round_trip_window_days
        END AS most_days_left,
        CASE decisions.gate
            WHEN 'reentry_cooldown_days' THEN days_since_close
            WHEN 'max_round_trips' THEN runs.as_of_date - kept.closed_on[run_limits.max_round_trips]
        END AS days_since_stop
    FROM decisions
    JOIN runs USING (run_id)
    JOIN run_limits USING (run_id, portfolio_id)
    LEFT JOIN lifecycle AS kept USING (run_id, portfolio_id, asset)
    WHERE decisions.run_id = $run_id
)
WHERE (
    is_opened
    AND NOT may_return
    AND (
        coalesce(reentry_cooldown_days > 0 AND days_since_close <= reentry_cooldown_days, false)
        OR coalesce(n_trips >= max_round_trips, false)
    )
)
OR (
    most_days_left IS NOT NULL
    AND NOT coalesce(
        gate_days_left BETWEEN 1 AND most_days_left + 1
        AND days_since_stop >= most_days_left + 1 - gate_days_left,
        false
    )
)
ORDER BY ALL;
