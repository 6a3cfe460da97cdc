-- Failures: holdings in grace, not locked, that grow, hold more than their schedule, w0 x max(grace_decay_rate ^ k,
-- min_decay_factor) and at least min_position_size, are not pinned, have no score of the day, or fail though they had all
-- failing scores that grace_period_days allows; grace that is not said, or is not in lifecycle as it was decided. A rest below dust_weight
-- has no state.
-- Since: V014. Parameters: $run_id VARCHAR.
-- Read once, not beside each row: the record of a run grows with its portfolios.
WITH run AS MATERIALIZED (
    SELECT run_id, coalesce(inputs ->> 'dust_weight', '0.0001')::DECIMAL(10, 8) AS dust_weight
    FROM runs
    WHERE run_id = $run_id
)
SELECT
    portfolio_id,
    format(
        '{} in grace {} of {} has kept_by {}, is_pinned {}, a score of {} days, current {}, target {}, at most {:.8f}',
        asset,
        coalesce(grace_count::VARCHAR, 'null'),
        coalesce(grace_period_days::VARCHAR, 'null'),
        coalesce(kept_by, 'null'),
        is_pinned::VARCHAR,
        coalesce(score_age_days::VARCHAR, 'no'),
        current_weight::VARCHAR,
        target_weight::VARCHAR,
        coalesce(most_weight, 0)
    ) AS detail
FROM (
    SELECT
        decisions.*,
        targets.target_weight,
        run_limits.grace_period_days,
        round(decisions.score * 1e12) < round(run_limits.min_score_threshold * 1e12) AS is_failing,
        kept.grace_count AS stored_count,
        decisions.current_weight < run.dust_weight AS is_rest,
        greatest(
            kept.grace_entry_weight::DOUBLE
            * greatest(pow(run_limits.grace_decay_rate, decisions.grace_count), run_limits.min_decay_factor),
            if(run_limits.enable_dynamic_sizing, run_limits.min_position_size::DOUBLE, 0)
        ) AS most_weight
    FROM decisions
    JOIN run USING (run_id)
    JOIN targets USING (run_id, portfolio_id, asset)
    JOIN run_limits USING (run_id, portfolio_id)
    LEFT JOIN lifecycle AS kept USING (run_id, portfolio_id, asset)
    WHERE decisions.run_id = $run_id
    AND decisions.is_held
    AND (decisions.grace_count IS NOT NULL OR decisions.kept_by = 'grace_period_days')
)
WHERE (stored_count IS DISTINCT FROM grace_count AND NOT is_rest)
OR (is_selected AND NOT is_locked AND kept_by IS DISTINCT FROM 'grace_period_days')
OR (
    kept_by = 'grace_period_days'
    AND (
        NOT is_pinned
        OR score_age_days IS DISTINCT FROM 0
        OR coalesce(is_failing AND grace_count >= grace_period_days, true)
        OR target_weight > current_weight
        OR coalesce(target_weight::DOUBLE > most_weight + 1e-8, true)
    )
)
ORDER BY ALL;
