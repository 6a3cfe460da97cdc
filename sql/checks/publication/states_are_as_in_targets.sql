-- Failures: assets that are held after the trades without a state that says so, or the other way round; openings and
-- closings that are not in the state, and states with those that were none; days after the run's, grace in part, closes
-- not in order. A rest of a positions file below dust_weight has a state only when it grows.
-- Since: V014. Parameters: $run_id VARCHAR.
-- Read once, not beside each row: the record of a run grows with its portfolios.
WITH run AS MATERIALIZED (
    SELECT run_id, as_of_date, coalesce(inputs ->> 'dust_weight', '0.0001')::DECIMAL(10, 8) AS dust_weight
    FROM runs
    WHERE run_id = $run_id
)
SELECT
    portfolio_id,
    format(
        '{} goes from {} to {}; its state: {}',
        asset,
        coalesce(current_weight::VARCHAR, 'nothing'),
        coalesce(post_weight::VARCHAR, 'nothing'),
        coalesce(state::VARCHAR, 'none')
    ) AS detail
FROM (
    SELECT
        found.*,
        run.as_of_date,
        run.dust_weight,
        coalesce(state.is_held, false) AS is_held,
        coalesce(current_weight, 0) AS weight_before,
        coalesce(post_weight, 0) AS weight_after,
        coalesce(state.opened_on = run.as_of_date, false) AS opens,
        coalesce(state.closed_on[1] = run.as_of_date, false) AS closes
    FROM (
        SELECT
            run_id,
            portfolio_id,
            asset,
            any_value(current_weight) AS current_weight,
            any_value(post_weight) AS post_weight,
            any_value(state) AS state
        FROM (
            SELECT
                run_id,
                portfolio_id,
                asset,
                current_weight,
                post_trade_weight AS post_weight,
                NULL AS state
            FROM targets
            WHERE run_id = $run_id AND NOT is_cash
            UNION ALL
            SELECT run_id, portfolio_id, asset, NULL, NULL, lifecycle FROM lifecycle WHERE run_id = $run_id
        )
        GROUP BY run_id, portfolio_id, asset
    ) AS found
    JOIN run USING (run_id)
)
WHERE (is_held AND weight_after = 0)
OR (NOT is_held AND weight_after > 0 AND NOT (weight_before < dust_weight AND weight_after <= weight_before))
OR (is_held AND weight_before = 0 AND NOT opens)
OR (is_held AND opens AND (weight_before >= dust_weight OR weight_after <= weight_before))
OR (weight_before >= dust_weight AND weight_after = 0 AND NOT closes)
OR (closes AND is_held AND NOT opens)
OR (
    state IS NOT NULL
    AND (
        (NOT is_held AND len(state.closed_on) = 0)
        OR (is_held AND state.term_started_on IS NULL)
        OR greatest(
            state.opened_on, state.term_started_on, state.grace_started_on, list_max(state.closed_on)
        ) > as_of_date
        OR state.closed_on <> list_reverse_sort(list_distinct(state.closed_on))
        OR (state.grace_started_on IS NULL) <> (state.grace_count IS NULL)
        OR (state.grace_started_on IS NULL) <> (state.grace_entry_weight IS NULL)
        OR coalesce(state.grace_count < 0 OR state.grace_entry_weight <= 0, false)
    )
)
ORDER BY ALL;
