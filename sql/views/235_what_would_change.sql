-- Grain: one row per change that would move one weight: another limit, another score, everything else equal.
CREATE OR REPLACE MACRO what_would_change(portfolio, asset, as_of) AS TABLE
WITH request AS (
    SELECT portfolio::VARCHAR AS requested_portfolio, asset::VARCHAR AS requested_asset, as_of::DATE AS requested_day
),
visible AS (
    SELECT
        visible_runs.portfolio_id,
        visible_runs.run_id,
        requested_asset,
        requested_day,
        limit_sets.limits,
        run_portfolios.state_run_id AS run_before,
        json_extract(runs.inputs, '$.renamed')::MAP(VARCHAR, VARCHAR) AS renamed
    FROM visible_runs
    JOIN request ON visible_runs.portfolio_id = requested_portfolio AND visible_runs.as_of_date = requested_day
    JOIN runs USING (run_id)
    JOIN run_portfolios USING (run_id, portfolio_id)
    LEFT JOIN limit_sets USING (limits_key)
),
candidates AS (
    FROM decisions SEMI JOIN visible USING (run_id, portfolio_id)
),
remembered AS (
    FROM lifecycle
    SEMI JOIN (SELECT run_before AS run_id, portfolio_id FROM visible) AS before USING (run_id, portfolio_id)
),
facts AS (
    SELECT
        limits,
        decision,
        size,
        target,
        summary,
        requested_day,
        state,
        coalesce(
            (
                SELECT bool_or(earlier.grace_count IS NOT NULL)
                FROM remembered AS earlier
                WHERE earlier.run_id = visible.run_before
                    AND earlier.portfolio_id = visible.portfolio_id
                    AND earlier.is_held
                    AND coalesce(visible.renamed[earlier.asset], earlier.asset) = requested_asset
            ),
            false
        ) AS was_in_grace,
        decision.restriction IN ('no_trade', 'no_buy') AND size.pinned_weight IS NOT NULL AS is_held_back,
        (limits ->> 'enable_dynamic_sizing')::BOOLEAN AS is_dynamic,
        json_extract(limits, '$.max_allocation_by_bucket')::MAP(VARCHAR, DOUBLE) AS own_bucket_limits,
        CASE
            WHEN is_dynamic AND (limits ->> 'enable_bucket_diversification')::BOOLEAN
            THEN coalesce(own_bucket_limits[decision.bucket], (limits ->> 'max_allocation_per_bucket')::DOUBLE)
        END AS bucket_limit,
        (
            SELECT sum(stage2_weight + residual_weight)
            FROM sizing_audit AS other
            WHERE other.run_id = visible.run_id
                AND other.portfolio_id = visible.portfolio_id
                AND other.bucket = decision.bucket
        ) AS unscaled_bucket,
        (
            SELECT count(*)
            FROM candidates AS other
            WHERE other.gate = decision.gate
                AND other.candidate_rank < decision.candidate_rank
                AND (decision.gate <> 'max_positions_per_bucket' OR other.bucket = decision.bucket)
        ) AS n_before,
        from_json(
            json_extract(limits, '$.score_tiers'),
            '[{"min_score": "DOUBLE", "size_category": "VARCHAR", "score_multiplier": "DOUBLE"}]'
        ) AS tiers
    FROM visible
    LEFT JOIN candidates AS decision ON decision.asset = requested_asset
    LEFT JOIN (FROM sizing_audit SEMI JOIN visible USING (run_id, portfolio_id)) AS size
        ON size.run_id = visible.run_id AND size.portfolio_id = visible.portfolio_id AND size.asset = requested_asset
    LEFT JOIN (FROM lifecycle SEMI JOIN visible USING (run_id, portfolio_id)) AS state
        ON state.run_id = visible.run_id AND state.portfolio_id = visible.portfolio_id AND state.asset = requested_asset
    LEFT JOIN (FROM targets SEMI JOIN visible USING (run_id, portfolio_id)) AS target
        ON target.run_id = visible.run_id AND target.portfolio_id = visible.portfolio_id AND target.asset = requested_asset
    LEFT JOIN (FROM sizing_summary SEMI JOIN visible USING (run_id, portfolio_id)) AS summary
        ON summary.run_id = visible.run_id AND summary.portfolio_id = visible.portfolio_id
),
story AS (
    SELECT
        *,
        coalesce(target.is_cash, false) AS is_cash,
        coalesce(summary.residual_strategy = 'cash_bucket' AND summary.residual > 0, false) AS is_kept_by_choice,
        decision.is_selected
            AND size.asset IS NOT NULL AND size.pinned_weight IS NULL AND size.drop_reason IS NULL AS is_sized,
        coalesce(summary.risk_scale, 1) AS scale,
        coalesce(size.position_cap::DOUBLE, (limits ->> 'max_single_position')::DOUBLE) AS cap,
        cap < (limits ->> 'max_single_position')::DOUBLE AS is_capped_by_risk,
        'target_volatility ' || (limits ->> 'target_volatility') AS volatility_target,
        if(summary.unscaled_volatility <= 1, shown(ceil(summary.unscaled_volatility * 1e8) / 1e8), NULL) AS enough_target,
        -- Before the scale: that is where caps bind.
        size.stage2_weight + size.residual_weight AS unscaled_weight,
        size.drop_reason = 'target_volatility' AS is_scaled_away,
        is_sized AND is_dynamic AND (limits ->> 'sizing_mode') = 'adaptive' AS is_tiered,
        -- Grace that runs since an earlier day ends at the recovery score; before it begins the exit score decides.
        (limits ->> 'min_score_threshold')::DOUBLE AS exit_score,
        greatest((limits ->> 'min_score_new_position')::DOUBLE, exit_score) AS usual_recovery_score,
        coalesce((limits ->> 'grace_recovery_score')::DOUBLE, usual_recovery_score) AS recovery_score,
        if(
            decision.grace_count IS NOT NULL AND state.grace_started_on < requested_day, recovery_score, exit_score
        ) AS sized_from,
        (limits ->> 'grace_period_days')::INTEGER > 0 AS has_grace,
        CASE
            WHEN NOT is_sized OR NOT decision.is_held THEN NULL
            WHEN has_grace AND was_in_grace THEN recovery_score
            WHEN has_grace OR decision.is_locked THEN exit_score
        END AS judged_from,
        decision.is_locked AND is_tiered AND tiers[-1].min_score > judged_from AS is_frozen_by_size,
        -- Below it a sized holding that keeps its place has the weight that its past gives it, whatever its size.
        if(is_frozen_by_size, tiers[-1].min_score, judged_from) AS frozen_below,
        coalesce(
            decision.kept_by IN ('core_assets', 'min_holding_days', 'grace_period_days')
                AND size.pinned_weight IS NOT NULL AND NOT (is_held_back AND decision.score >= sized_from),
            false
        ) AS is_kept,
        -- Tiers stand by falling score.
        list_filter(tiers, lambda tier: tier.min_score > decision.score)[-1] AS next_tier,
        list_filter(tiers, lambda tier: tier.min_score <= decision.score) AS reached_tiers,
        CASE
            WHEN NOT is_dynamic THEN NULL
            WHEN unscaled_weight >= cap - 1e-7
            THEN if(
                is_capped_by_risk,
                'max_position_risk ' || (limits ->> 'max_position_risk'),
                'max_single_position ' || (limits ->> 'max_single_position')
            )
            WHEN unscaled_bucket >= bucket_limit - 1e-7 AND own_bucket_limits[decision.bucket] IS NOT NULL
            THEN format('max_allocation_by_bucket {} {:.12g}', decision.bucket, bucket_limit)
            WHEN unscaled_bucket >= bucket_limit - 1e-7
            THEN format('max_allocation_per_bucket {:.12g}', bucket_limit)
            WHEN size.residual_limit IN ('max_residual_per_asset', 'max_residual_multiple')
            THEN size.residual_limit || ' ' || json_extract_string(limits, '$.' || size.residual_limit)
        END AS binding_limit,
        (limits ->> 'rebalance_band')::DOUBLE * target.current_weight AS band,
        coalesce((limits ->> 'min_trade_weight')::DOUBLE, 0) AS min_trade,
        min_trade > band AS is_held_by_minimum,
        greatest(target.current_weight - greatest(band, min_trade), 0) AS band_from,
        target.current_weight + greatest(band, min_trade) AS band_to,
        coalesce(target.trade_reason IN ('above_cap', 'above_bucket_limit', 'over_allocation'), false) AS is_released,
        coalesce(target.trade_scale < 1 AND target.trade_weight <> target.target_weight - target.current_weight, false)
            AND target.trade_reason NOT IN ('held_by_band', 'held_by_min_trade') AS is_scaled
    FROM facts
)
SELECT
    generate_subscripts(changes, 1) AS step,
    unnest(changes, recursive := true)
FROM (
    SELECT list_filter(
        [
            step_when(
                is_sized, 'more weight', NULL, binding_limit,
                CASE
                    WHEN NOT is_dynamic
                    THEN 'The total is divided evenly: only fewer names or a larger target_total_allocation.'
                    WHEN binding_limit IS NULL
                    THEN concat(
                        'No limit keeps it down: only a larger share, ',
                        if((limits ->> 'sizing_mode') = 'equal_weight', '', 'by a higher score, '),
                        'by fewer names or by a larger target_total_allocation.'
                    )
                    WHEN starts_with(binding_limit, 'max_single_position') AND scale < 1
                    THEN 'It is at this limit before it is scaled down.'
                    WHEN starts_with(binding_limit, 'max_single_position') THEN 'It is at this limit.'
                    WHEN starts_with(binding_limit, 'max_position_risk')
                    THEN format(
                        'Its weight times its volatility {:.12g} is at this limit{}: a higher one, or a lower volatility.',
                        size.volatility,
                        if(scale < 1, ' before it is scaled down', '')
                    )
                    WHEN starts_with(binding_limit, 'max_allocation')
                    THEN format(
                        'Bucket {} is full: this limit higher, or a larger share of the bucket.', decision.bucket
                    )
                    ELSE 'It took all that this limit lets it have of what the caps left over.'
                END
            ),
            step_when(
                (is_sized OR is_scaled_away) AND scale < 1, 'no scale',
                enough_target,
                volatility_target,
                format(
                    'From this target volatility on nothing is scaled down: its weight would be {:.8f}.', unscaled_weight
                )
            ),
            step_when(
                is_sized AND size.volatility_multiplier IS NOT NULL AND size.volatility_multiplier <> 1,
                'by volatility', NULL,
                'volatility_strength ' || (limits ->> 'volatility_strength'),
                format(
                    'Its volatility {:.12g} against {:.12g} makes its size {:.4g} times what its score does: a lower strength '
                    'brings this closer to 1.',
                    size.volatility, summary.reference_volatility, size.volatility_multiplier
                )
            ),
            step_when(
                is_sized AND size.crowding_multiplier IS NOT NULL AND size.crowding_multiplier <> 1,
                'by crowding', NULL,
                'correlation_strength ' || (limits ->> 'correlation_strength'),
                format(
                    'It is {:.4g} names'' worth, and so its size {:.4g} times what it was: a lower strength brings this closer '
                    'to 1.',
                    size.crowding, size.crowding_multiplier
                )
            ),
            step_when(
                is_tiered AND next_tier IS NOT NULL, 'larger size', format('{:.12g}', next_tier.min_score),
                'score_tiers ' || next_tier.size_category,
                format(
                    'From this score its size is {}: {:.12g} times the base, not {:.12g}.',
                    next_tier.size_category,
                    next_tier.score_multiplier,
                    coalesce(reached_tiers[1].score_multiplier, 0)
                )
            ),
            step_when(
                is_tiered AND reached_tiers[1].min_score > greatest(decision.entry_score, frozen_below, 0), 'smaller size',
                format('{:.12g}', reached_tiers[1].min_score), 'score_tiers ' || reached_tiers[1].size_category,
                coalesce(
                    format(
                        'Below this score its size is {}: {:.12g} times the base, not {:.12g}.',
                        reached_tiers[2].size_category,
                        reached_tiers[2].score_multiplier,
                        reached_tiers[1].score_multiplier
                    ),
                    'Below this score it has no size.'
                )
            ),
            step_when(
                is_sized AND is_dynamic AND (limits ->> 'sizing_mode') = 'score_weighted', 'another size', NULL, NULL,
                'Its raw weight goes with its score: any other score is another size.'
            ),
            step_when(
                size.drop_reason IS NOT NULL, 'a position', NULL,
                CASE size.drop_reason
                    WHEN 'no_size' THEN 'score_tiers'
                    WHEN 'max_position_risk' THEN 'max_position_risk ' || (limits ->> 'max_position_risk')
                    WHEN 'target_volatility' THEN volatility_target
                    ELSE 'min_position_size ' || (limits ->> 'min_position_size')
                END,
                CASE size.drop_reason
                    WHEN 'no_size'
                    THEN coalesce(
                        format('Its score has no size: from {:.12g} it has one.', next_tier.min_score),
                        'Its score has no size.'
                    )
                    WHEN 'max_position_risk'
                    THEN format(
                        'Its volatility {:.12g} leaves it {:.8f}, less than min_position_size {}: a higher limit, or a lower '
                        'minimum.',
                        size.volatility, cap, (limits ->> 'min_position_size')
                    )
                    WHEN 'target_volatility' THEN 'A higher target leaves the positions more than nothing.'
                    ELSE 'A lower limit has room for more names, better ranked ones first.'
                END
            ),
            step_when(
                is_kept AND sized_from > decision.score, 'not frozen', format('{:.12g}', sized_from),
                if(sized_from = exit_score, 'min_score_threshold ', 'grace_recovery_score ') || shown(sized_from),
                'From this score it is sized like any other.'
            ),
            step_when(
                is_kept AND sized_from <= decision.score, 'not frozen', NULL,
                'min_position_size ' || (limits ->> 'min_position_size'),
                'It keeps its place, and no size is left for it: a lower limit, or fewer names.'
            ),
            step_when(
                size.pinned_weight IS NOT NULL AND NOT is_kept, 'not frozen', NULL, NULL,
                CASE
                    WHEN decision.kept_by = 'volatility_missing'
                    THEN 'With a volatility it is sized like any other: explain says what to deliver.'
                    WHEN is_held_back AND decision.restriction = 'no_buy'
                    THEN 'When restriction no_buy ends, it may grow.'
                    WHEN is_held_back THEN 'When restriction no_trade ends, it is sized like any other.'
                    ELSE 'With a score that counts, it is sized like any other.'
                END
            ),
            step_when(
                frozen_below > greatest(decision.entry_score, 0),
                CASE WHEN decision.is_locked THEN 'frozen' WHEN was_in_grace THEN 'grace goes on' ELSE 'grace begins' END,
                shown(frozen_below),
                CASE
                    WHEN is_frozen_by_size THEN 'score_tiers ' || tiers[-1].size_category
                    WHEN was_in_grace AND has_grace THEN 'grace_recovery_score ' || shown(frozen_below)
                    ELSE 'min_score_threshold ' || shown(frozen_below)
                END,
                CASE
                    WHEN decision.is_locked THEN 'Below this score it keeps its place, at the weight that it has.'
                    WHEN was_in_grace THEN 'Below this score its grace goes on, at a weight that only falls.'
                    ELSE 'Below this score it keeps its place for a while, at a weight that only falls.'
                END
            ),
            step_when(
                decision.is_selected AND decision.entry_score > 0, 'out',
                format('{:.12g}', decision.entry_score), NULL,
                concat(
                    'Below this score it is ',
                    if(decision.is_held, 'closed', 'not opened'),
                    coalesce(format(', and {} comes in its place.', decision.rival), '.')
                )
            ),
            step_when(
                NOT decision.is_selected, 'in', format('{:.12g}', decision.entry_score), NULL,
                CASE
                    WHEN decision.entry_score IS NOT NULL
                    THEN concat(
                        'From this score it is selected',
                        coalesce(format(', in the place of {}', decision.rival), ''),
                        coalesce(format('; it has {:.12g}.', decision.score), '.')
                    )
                    WHEN decision.gate IN ('must_sell', 'no_buy', 'no_trade')
                    THEN format('No score would do while restriction {} lasts.', decision.restriction)
                    WHEN decision.gate = 'no_volatility'
                    THEN 'No score is enough: it needs a volatility. explain says what to deliver.'
                    WHEN decision.gate = 'no_bucket'
                    THEN 'No score is enough: the asset list must assign it a bucket, or allow_unclassified be true.'
                    WHEN decision.gate = 'excluded'
                    THEN 'No score would do: the limits leave it, or its bucket, out of the portfolio.'
                    WHEN decision.gate IN ('reentry_cooldown_days', 'max_round_trips')
                    THEN format('No score would do. Sessions until it may be opened: {}.', decision.gate_days_left)
                    WHEN decision.gate = 'max_holding_days'
                    THEN 'No score would do: max_holding_action is close.'
                    ELSE 'No score of its own would do.'
                END
            ),
            step_when(
                decision.gate = 'grace_period_days', 'past its gate', format('{}', decision.grace_count + 1),
                format('{} {:.12g}', decision.gate, decision.gate_limit),
                'This limit that high keeps it, as long as nobody needs its place.'
            ),
            step_when(
                decision.gate = 'reentry_cooldown_days', 'past its gate',
                format('{:.12g}', greatest(decision.gate_limit - decision.gate_days_left, 0)),
                format('{} {:.12g}', decision.gate, decision.gate_limit),
                'This limit that low lets it compete for a place.'
            ),
            step_when(
                decision.gate IN ('max_round_trips', 'max_holding_days'), 'past its gate', NULL,
                format('{} {:.12g}', decision.gate, decision.gate_limit),
                if(
                    decision.gate = 'max_holding_days',
                    'A longer term: then it is judged like any holding.',
                    'A higher limit, or fewer days in round_trip_window_days.'
                )
            ),
            step_when(
                decision.gate IN ('below_min_score_threshold', 'below_min_score_new_position')
                    AND decision.score IS NOT NULL,
                'past its gate', format('{:.12g}', decision.score),
                format('{} {:.12g}', replace(decision.gate, 'below_', ''), decision.gate_limit),
                concat(
                    'This limit at its score lets it compete for a place',
                    if(n_before = 0, '', format(', with {} better ranked', n_before)),
                    '.'
                )
            ),
            step_when(
                decision.gate IN ('max_positions_per_bucket', 'max_total_positions', 'max_new_positions'),
                'past its gate', format('{:.12g}', decision.gate_limit + n_before + 1),
                format('{} {:.12g}', decision.gate, decision.gate_limit),
                if(
                    n_before = 0,
                    'This limit one higher: it is the first that it stops.',
                    format('This limit that high: {} better ranked are stopped by it too.', n_before)
                )
            ),
            step_when(
                decision.gate = 'replaced', 'past its gate', NULL,
                format('replacement_margin {:.12g}', decision.gate_limit),
                'Only a larger lead, or none at all, would have let it stay.'
            ),
            step_when(
                decision.gate = 'min_buckets_represented', 'past its gate', NULL,
                format('min_buckets_represented {:.12g}', decision.gate_limit),
                'A lower limit keeps no place for a bucket that is missing.'
            ),
            step_when(
                is_scaled, 'a larger trade', NULL, 'max_turnover ' || (limits ->> 'max_turnover'),
                'A larger limit, or fewer other trades: it has its part of what the limit leaves.'
            ),
            step_when(
                is_released AND NOT is_scaled, 'no trade', NULL, 'rebalance_band ' || (limits ->> 'rebalance_band'),
                'It is small, and traded only since the book would break a limit without it.'
            ),
            step_when(
                NOT is_cash AND size.pinned_weight IS NULL AND target.current_weight > 0 AND target.target_weight > 0
                    AND NOT is_released AND NOT is_scaled,
                if(target.action = 'hold', 'a trade', 'no trade'), NULL,
                if(
                    is_held_by_minimum,
                    'min_trade_weight ' || (limits ->> 'min_trade_weight'),
                    'rebalance_band ' || (limits ->> 'rebalance_band')
                ),
                format(
                    CASE
                        WHEN target.action <> 'hold' AND is_held_by_minimum
                        THEN 'A target above {:.8f} and below {:.8f} is not traded.'
                        WHEN target.action <> 'hold' THEN 'A target from {:.8f} to {:.8f} is not traded.'
                        WHEN is_held_by_minimum THEN 'Only a target of at most {:.8f} or at least {:.8f} is traded.'
                        ELSE 'Only a target below {:.8f} or above {:.8f} is traded.'
                    END,
                    band_from,
                    band_to
                )
            ),
            step_when(
                is_cash AND target.target_weight = 0,
                'more cash', NULL, 'max_single_position ' || (limits ->> 'max_single_position'),
                if(
                    is_dynamic,
                    format(
                        'All is placed. Fewer than {:.0f} positions could not hold it.',
                        ceil(
                            summary.target_total_allocation::DOUBLE / (limits ->> 'max_single_position')::DOUBLE
                            - 1e-9
                        )
                    ),
                    'All is placed, without caps.'
                )
            ),
            step_when(
                is_cash AND target.target_weight > 0 AND is_kept_by_choice,
                'less cash', NULL, 'residual_strategy cash_bucket',
                format(
                    'Another residual_strategy places what the caps let it; these names can hold {:.8f}.',
                    summary.reachable_weight
                )
            ),
            step_when(
                is_cash AND scale < 1,
                'less cash',
                enough_target,
                volatility_target,
                'From this target volatility on nothing is scaled down; or names that move less, or less alike.'
            ),
            step_when(
                is_cash AND target.target_weight > 0 AND NOT is_kept_by_choice
                    AND (scale = 1 OR summary.residual > summary.residual_placed + 1e-7),
                'less cash', NULL, summary.binding_limit,
                concat('More names that qualify', coalesce('; or ' || summary.relaxation, ''), '.')
            )
        ],
        lambda change: change IS NOT NULL
    ) AS changes
    FROM story
);

COMMENT ON MACRO TABLE what_would_change IS 'what_would_change(portfolio VARCHAR, asset VARCHAR, as_of DATE): what would move one published weight, a row per change, everything else equal; of CASH and of a refused name too. Nothing for an unknown name, portfolio or day: explain says why.
step BIGINT: Place among the changes, from 1.
quantity VARCHAR: What would come of it: more weight, no scale, by volatility, by crowding, larger size, smaller size, another size, a position, not frozen, frozen, grace begins, grace goes on, out, in, past its gate, a trade, no trade, a larger trade, more cash, less cash.
value VARCHAR: Level at which it comes, as text: of the score, or of the limit that a rejected asset has to pass; null when there is none, or no single one.
limit_value VARCHAR: The limit that decides it, name and value; null when there is none.
words VARCHAR: The change in words.';
