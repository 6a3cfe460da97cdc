-- Grain: one text per number: a number and a weight, with the digits that a recomputation needs.
CREATE OR REPLACE MACRO shown(number) AS format('{:.12g}', number);
CREATE OR REPLACE MACRO shown_weight(weight) AS
    if(abs(weight - round(weight, 8)) <= 1e-12 * abs(weight), format('{:.8f}', weight), shown(weight));

-- Grain: one step of an explanation where the condition holds, else null.
CREATE OR REPLACE MACRO step_when(is_shown, quantity, value, limit_value, words) AS CASE
    WHEN is_shown
    THEN {'quantity': quantity, 'value': value, 'limit_value': limit_value, 'words': words}
END;

-- Grain: one text: the factor that scales a sum down to what immovable names leave of its limit.
CREATE OR REPLACE MACRO scaled_to(limit_value, immovable, movable) AS
    if(
        immovable = 0,
        format(' x {} / {}', shown(limit_value), shown(movable)),
        format(' x max({} - {}, 0) / {}', shown(limit_value), shown(immovable), shown(movable))
    );

-- Grain: one row per step of the sizing of one weight: its number, and the formula that computes it from the numbers above.
-- The equations are those of docs/sizing.md; their terms are read from stored weights, nothing is decided here.
CREATE OR REPLACE MACRO sizing_steps(portfolio, asset, as_of) AS TABLE
WITH request AS (
    SELECT portfolio::VARCHAR AS requested_portfolio, asset::VARCHAR AS requested_asset, as_of::DATE AS requested_day
),
run AS (
    SELECT
        visible_runs.run_id,
        visible_runs.portfolio_id,
        run_limits.limits
    FROM visible_runs
    JOIN request ON visible_runs.portfolio_id = requested_portfolio AND visible_runs.as_of_date = requested_day
    LEFT JOIN run_limits USING (run_id, portfolio_id)
),
limit_values AS (
    SELECT
        run_id AS limited_run_id,
        portfolio_id AS limited_portfolio_id,
        (limits ->> 'sizing_mode') AS sizing_mode,
        (limits ->> 'incumbent_bias')::DOUBLE AS incumbent_bias,
        (limits ->> 'residual_strategy') AS residual_strategy,
        (limits ->> 'enable_dynamic_sizing')::BOOLEAN AS is_dynamic,
        is_dynamic AND (limits ->> 'enable_bucket_diversification')::BOOLEAN AS has_bucket_limits,
        (limits ->> 'target_total_allocation')::DOUBLE AS total,
        if(is_dynamic, (limits ->> 'min_position_size')::DOUBLE, 0.0) AS minimum,
        if(is_dynamic, (limits ->> 'max_single_position')::DOUBLE, 1.0) AS single_cap,
        (limits ->> 'max_position_risk')::DOUBLE AS max_position_risk,
        (limits ->> 'volatility_source') AS volatility_source,
        (limits ->> 'volatility_strength')::DOUBLE AS volatility_strength,
        (limits ->> 'min_volatility_multiplier')::DOUBLE AS least_multiplier,
        (limits ->> 'max_volatility_multiplier')::DOUBLE AS largest_multiplier,
        (limits ->> 'reference_volatility')::DOUBLE AS own_reference,
        (limits ->> 'correlation_strength')::DOUBLE AS correlation_strength,
        (limits ->> 'min_crowding')::DOUBLE AS min_crowding,
        (limits ->> 'target_volatility')::DOUBLE AS target_volatility,
        (limits ->> 'max_allocation_per_bucket')::DOUBLE AS default_bucket_limit,
        json_extract(limits, '$.max_allocation_by_bucket')::MAP(VARCHAR, DOUBLE) AS own_bucket_limits,
        (limits ->> 'max_residual_per_asset')::DOUBLE AS max_residual_per_asset,
        (limits ->> 'max_residual_multiple')::DOUBLE AS max_residual_multiple,
        (limits ->> 'grace_period_days')::INTEGER AS grace_period_days,
        (limits ->> 'grace_decay_rate')::DOUBLE AS decay_rate,
        (limits ->> 'min_decay_factor')::DOUBLE AS least_factor,
        from_json(
            json_extract(limits, '$.score_tiers'), '[{"size_category": "VARCHAR", "score_multiplier": "DOUBLE"}]'
        ) AS tiers
    FROM run
),
decided AS (
    SELECT
        decisions.asset AS decided_asset,
        decisions.current_weight,
        decisions.kept_by,
        decisions.grace_count,
        lifecycle.grace_entry_weight,
        coalesce(decisions.is_locked, false) AS is_locked,
        coalesce(decisions.is_held AND decisions.restriction = 'no_trade', false) AS is_immovable
    FROM decisions
    JOIN run USING (run_id, portfolio_id)
    LEFT JOIN (FROM lifecycle SEMI JOIN run USING (run_id, portfolio_id)) AS lifecycle
        USING (run_id, portfolio_id, asset)
),
sized AS (
    SELECT
        sizing_audit.*,
        decided.*,
        limit_values.*,
        sizing_summary.reference_volatility,
        sizing_summary.unscaled_volatility,
        sizing_summary.portfolio_volatility,
        sizing_summary.n_sessions,
        sizing_summary.risk_scale,
        coalesce(sizing_summary.risk_scale < 1, false) AS is_scaled,
        -- Its own: max_position_risk may leave it less than max_single_position.
        coalesce(sizing_audit.position_cap::DOUBLE, single_cap) AS cap,
        if(cap < single_cap, 'max_position_risk ' || shown(max_position_risk), 'max_single_position ' || shown(single_cap))
            AS cap_name,
        -- q of docs/sizing.md: what the total is divided by.
        score_multiplier * coalesce(volatility_multiplier, 1) * coalesce(crowding_multiplier, 1) AS size,
        volatility_multiplier IS NOT NULL OR crowding_multiplier IS NOT NULL AS has_risk_multiplier,
        pinned_weight IS NOT NULL AS is_pinned,
        coalesce(is_pinned AND kept_by = 'grace_period_days', false) AS is_in_grace,
        greatest(decay_rate ** grace_count, least_factor) AS grace_factor,
        list_filter(tiers, lambda tier: tier.size_category = sizing_audit.size_category)[1].score_multiplier
            AS tier_multiplier,
        -- Half of it: a float apart from either is as near as a float to one of them.
        is_held AND incumbent_bias > 0
            AND coalesce(score_multiplier > tier_multiplier * (1 + incumbent_bias / 2), true) AS has_bias,
        NOT is_pinned AND coalesce(drop_reason = 'target_volatility', true) AS is_sized,
        is_sized AND minimum > 0 AND raw_weight <= minimum AS is_at_minimum,
        if(has_bucket_limits, coalesce(own_bucket_limits[bucket], default_bucket_limit), NULL) AS bucket_limit,
        CASE WHEN is_immovable THEN pinned_weight WHEN is_pinned THEN least(pinned_weight, single_cap) END AS capped_pin,
        sum(if(is_immovable, capped_pin, 0)) OVER in_bucket AS bucket_immovable,
        sum(if(is_immovable, 0, capped_pin)) OVER in_bucket AS bucket_movable,
        coalesce(NOT is_immovable AND bucket_immovable + bucket_movable > bucket_limit, false) AS is_above_bucket,
        if(is_above_bucket, greatest(bucket_limit - bucket_immovable, 0) / bucket_movable, 1.0) AS bucket_scale,
        NOT is_pinned AND coalesce(drop_reason NOT IN ('no_size', 'max_position_risk'), true) AS has_size,
        format('bucket {} {}', bucket, shown(bucket_limit)) AS bucket_name
    FROM (FROM sizing_audit SEMI JOIN run USING (run_id, portfolio_id)) AS sizing_audit
    JOIN limit_values ON run_id = limited_run_id AND portfolio_id = limited_portfolio_id
    JOIN decided ON sizing_audit.asset = decided_asset
    JOIN (FROM sizing_summary SEMI JOIN run USING (run_id, portfolio_id)) AS sizing_summary USING (run_id, portfolio_id)
    WINDOW in_bucket AS (PARTITION BY bucket)
),
pinned AS (
    SELECT
        *,
        sum(if(is_immovable, capped_pin, 0)) OVER () AS total_immovable,
        sum(if(is_immovable, 0, capped_pin * bucket_scale)) OVER () AS total_movable,
        NOT is_immovable AND total_immovable + total_movable > total AS is_above_total,
        -- As far as the limits let it, and at least a unit of what is locked.
        is_locked AND (is_above_bucket OR is_above_total) AND pinned_weight > 0 AND raw_weight = 1e-8 AS is_least,
        count(*) OVER () AS n_selected,
        count(*) FILTER (is_pinned) OVER () AS n_pinned,
        coalesce(sum(raw_weight) FILTER (is_pinned) OVER (), 0) AS pinned_total,
        greatest(total - pinned_total, 0) AS free_total,
        coalesce(sum(raw_weight) FILTER (is_pinned) OVER (PARTITION BY bucket), 0) AS pinned_in_bucket,
        if(bucket_limit IS NULL, NULL, greatest(bucket_limit - pinned_in_bucket, 0)) AS free_bucket_limit,
        CASE
            WHEN pinned_in_bucket = 0 THEN shown(bucket_limit)
            WHEN pinned_in_bucket > bucket_limit
            THEN format('max({} - {}, 0)', shown(bucket_limit), shown(pinned_in_bucket))
            ELSE format('{} - {}', shown(bucket_limit), shown(pinned_in_bucket))
        END AS bucket_sum,
        count(*) FILTER (has_size) OVER (PARTITION BY bucket ORDER BY score_rank) AS bucket_place,
        floor(free_bucket_limit / nullif(minimum, 0) + 1e-9) AS bucket_places,
        has_size AND coalesce(bucket_place <= bucket_places, true) AS fits_bucket
    FROM sized
),
raised AS (
    SELECT
        *,
        count(*) FILTER (fits_bucket) OVER (ORDER BY score_rank) AS place,
        floor(free_total / nullif(minimum, 0) + 1e-9) AS places,
        -- Raw weights: lambda.
        count(*) FILTER (is_sized) OVER () AS n_sized,
        count(*) FILTER (is_at_minimum) OVER () AS n_at_minimum,
        sum(size) FILTER (is_sized AND NOT is_at_minimum) OVER () AS size_total,
        (free_total - n_at_minimum * minimum) / nullif(size_total, 0) AS raw_factor,
        -- Stage 1: theta of the bucket.
        count(*) FILTER (stage1_cap = 'position') OVER in_bucket AS n_capped_1,
        coalesce(sum(cap) FILTER (stage1_cap = 'risk') OVER in_bucket, 0) AS risk_capped_1,
        count(*) FILTER (stage1_cap = 'bucket' AND minimum > 0 AND stage1_weight <= minimum) OVER in_bucket
            AS n_at_minimum_1,
        sum(raw_weight) FILTER (stage1_cap = 'bucket' AND NOT (minimum > 0 AND stage1_weight <= minimum)) OVER in_bucket
            AS raw_scaled,
        (free_bucket_limit - n_capped_1 * single_cap - risk_capped_1 - n_at_minimum_1 * minimum) / nullif(raw_scaled, 0)
            AS theta,
        -- Stage 2: the factor of all, and the one of the bucket.
        is_sized AND stage1_cap IS NULL AS is_open,
        coalesce(sum(stage1_weight) FILTER (stage1_cap IS NOT NULL) OVER (), 0) AS capped_total,
        count(*) FILTER (stage1_cap IS NOT NULL) OVER () AS n_capped,
        sum(stage1_weight) FILTER (is_open) OVER () AS open_total,
        (free_total - capped_total) / nullif(open_total, 0) AS factor,
        coalesce(sum(stage1_weight) FILTER (stage1_cap IS NOT NULL) OVER in_bucket, 0) AS bucket_capped,
        count(*) FILTER (stage2_cap = 'position') OVER in_bucket AS n_capped_2,
        coalesce(sum(cap) FILTER (stage2_cap = 'risk') OVER in_bucket, 0) AS risk_capped_2,
        sum(stage1_weight) FILTER (stage2_cap = 'bucket') OVER in_bucket AS bucket_open,
        (free_bucket_limit - bucket_capped - n_capped_2 * single_cap - risk_capped_2) / nullif(bucket_open, 0)
            AS bucket_factor
    FROM pinned
    WINDOW in_bucket AS (PARTITION BY bucket)
),
placed AS (
    SELECT
        *,
        -- Stage 3: the residual and the room for it.
        sum(stage2_weight) OVER () AS stage2_total,
        if(total - stage2_total > 1e-12, total - stage2_total, 0.0) AS residual,
        least(
            if(cap - stage2_weight > 1e-12, cap - stage2_weight, 0),
            max_residual_per_asset,
            max_residual_multiple * stage2_weight
        ) AS room,
        coalesce(sum(stage2_weight) FILTER (is_sized) OVER in_bucket, 0) AS bucket_stage2,
        free_bucket_limit - bucket_stage2 AS bucket_room,
        coalesce(sum(residual_weight) OVER (ORDER BY score_rank ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
            AS residual_before,
        coalesce(
            sum(residual_weight) OVER (
                PARTITION BY bucket ORDER BY score_rank ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ),
            0
        ) AS bucket_residual_before,
        CASE
            WHEN bucket_room - bucket_residual_before > 1e-12 THEN bucket_room - bucket_residual_before
            WHEN bucket_room IS NOT NULL THEN 0
        END AS bucket_left,
        if(residual - residual_before > 1e-12, residual - residual_before, 0) AS residual_left,
        if(
            residual > 0 AND residual - sum(residual_weight) OVER () <= 1e-12,
            max(score_rank) FILTER (residual_weight > 0) OVER (),
            NULL
        ) AS last_rank,
        coalesce(sum(residual_weight) FILTER (residual_limit IS NOT NULL) OVER (), 0) AS limited_residual,
        sum(stage2_weight) FILTER (is_sized AND residual_limit IS NULL) OVER () AS unlimited_stage2,
        if(residual > 0, (residual - limited_residual) / nullif(unlimited_stage2, 0), NULL) AS mu,
        coalesce(
            sum(residual_weight) FILTER (residual_limit IS DISTINCT FROM 'bucket_cap') OVER in_bucket, 0
        ) AS other_residual_in_bucket,
        sum(stage2_weight) FILTER (residual_limit = 'bucket_cap') OVER in_bucket AS bucket_limited_stage2,
        if(bucket_room - other_residual_in_bucket > 1e-12, bucket_room - other_residual_in_bucket, 0.0)
            / nullif(bucket_limited_stage2, 0) AS bucket_mu,
        -- Rounding, in units of 0.00000001.
        (stage2_weight + residual_weight) * if(is_pinned, 1, coalesce(risk_scale, 1)) AS exact_weight,
        coalesce(
            sum(stage2_weight + residual_weight) FILTER (is_pinned AND volatility IS NOT NULL) OVER (), 0
        ) AS moving_pins,
        least(1e-4, 0.5 / n_selected) AS snap,
        floor(exact_weight * 1e8 + snap)::BIGINT AS rounded_units,
        (target_weight * 100000000)::BIGINT - rounded_units AS extra_units,
        sum((target_weight * 100000000)::BIGINT - rounded_units) OVER () AS leftover_units
    FROM raised
    WINDOW in_bucket AS (PARTITION BY bucket)
),
of_position AS (
    SELECT
        [
            step_when(
                is_in_grace, 'grace factor', shown(grace_factor), 'min_decay_factor ' || shown(least_factor),
                format('= max({}^{}, {}): of grace_decay_rate.', shown(decay_rate), grace_count, shown(least_factor))
            ),
            step_when(
                is_pinned, 'pinned weight', shown_weight(pinned_weight), NULL,
                concat(
                    if(
                        is_in_grace,
                        format(
                            '= min({}, floor(max({} x {}, {}) x 100000000 + 0.0001) / 100000000): grace {} of {}. ',
                            current_weight::VARCHAR, grace_entry_weight::VARCHAR, shown(grace_factor), shown(minimum),
                            grace_count, grace_period_days
                        ),
                        ''
                    ),
                    'Frozen here, as far as the limits let it: the stages do not apply.'
                )
            ),
            step_when(
                is_pinned, 'within limits', shown_weight(raw_weight),
                if(is_immovable, NULL, 'max_single_position ' || shown(single_cap)),
                if(
                    is_immovable,
                    format('= {}: under no_trade it keeps its weight, whatever the limits say.', shown(pinned_weight)),
                    concat(
                        if(is_least, '= max(', '= '),
                        format('min({}, {})', shown(pinned_weight), shown(single_cap)),
                        if(is_above_bucket, scaled_to(bucket_limit, bucket_immovable, bucket_movable), ''),
                        if(is_above_total, scaled_to(total, total_immovable, total_movable), ''),
                        if(is_least, ', 0.00000001)', ''),
                        if(
                            is_above_bucket OR is_above_total,
                            ': what is pinned is scaled down together, to what immovable names leave of its bucket and '
                            'of the total.',
                            '.'
                        )
                    )
                )
            ),
            step_when(
                is_sized, 'total to divide', shown_weight(free_total), 'target_total_allocation ' || shown(total),
                if(
                    n_pinned = 0,
                    format('= {}: nothing is pinned.', shown(total)),
                    format(
                        if(pinned_total > total, '= max({} - {}, 0)', '= {} - {}')
                        || ': the sum of the {} pinned comes off the total.',
                        shown(total), shown(pinned_total), n_pinned
                    )
                )
            ),
            step_when(
                NOT is_pinned, 'tier', size_category, NULL, format('Rank {} of {} selected.', score_rank, n_selected)
            ),
            step_when(
                NOT is_pinned, 'multiplier', shown(score_multiplier), NULL,
                CASE
                    WHEN NOT is_dynamic OR sizing_mode = 'equal_weight' THEN '= 1: sizes are equal.'
                    WHEN sizing_mode = 'score_weighted' AND score_multiplier = score
                    THEN format('= {}: its score.', shown(score))
                    WHEN sizing_mode = 'score_weighted' THEN '= 1: every score is 0.'
                    WHEN has_bias
                    THEN format(
                        '= {} x (1 + {}): of its tier, and of incumbent_bias, since it is held.',
                        shown(score_multiplier / (1 + incumbent_bias)),
                        shown(incumbent_bias)
                    )
                    WHEN is_held AND incumbent_bias > 0
                    THEN format(
                        '= {}: of its tier, without incumbent_bias: its term begins anew.', shown(score_multiplier)
                    )
                    ELSE format('= {}: of its tier.', shown(score_multiplier))
                END
            ),
            step_when(
                volatility IS NOT NULL, 'volatility', shown(volatility), NULL,
                concat(
                    'Of a year of 252 sessions, ',
                    if(volatility_source = 'scores', 'as it came with the score.', format('from {} returns.', n_returns))
                )
            ),
            step_when(
                NOT is_pinned AND volatility_multiplier IS NOT NULL, 'reference', shown(reference_volatility),
                'reference_volatility ' || shown(own_reference),
                if(
                    own_reference IS NULL,
                    'Volatility of the multiplier 1: the median of the selected names that are not pinned.',
                    'Volatility of the multiplier 1.'
                )
            ),
            step_when(
                NOT is_pinned AND volatility_multiplier IS NOT NULL, 'by volatility', shown(volatility_multiplier),
                'volatility_mode inverse',
                format(
                    '= min(max(({} / {})^{}, {}), {}): what its volatility does to its size.',
                    shown(reference_volatility), shown(volatility), shown(volatility_strength),
                    shown(least_multiplier), shown(largest_multiplier)
                )
            ),
            step_when(
                crowding IS NOT NULL, 'crowding', shown(crowding),
                if(crowding = min_crowding, 'min_crowding ' || shown(min_crowding), NULL),
                concat(
                    'Names'' worth: itself and its correlations with the other selected names',
                    coalesce(', most with ' || moves_with, ''), '.'
                )
            ),
            step_when(
                NOT is_pinned AND crowding_multiplier IS NOT NULL, 'by crowding', shown(crowding_multiplier),
                'correlation_mode crowding',
                format('= {}^(-{}): what this does to its size.', shown(crowding), shown(correlation_strength))
            ),
            step_when(
                NOT is_pinned AND has_risk_multiplier, 'size', shown(size), NULL,
                format(
                    '= {}{}{}: what its share of the total goes by.',
                    shown(score_multiplier),
                    coalesce(' x ' || shown(volatility_multiplier), ''),
                    coalesce(' x ' || shown(crowding_multiplier), '')
                )
            ),
            step_when(
                position_cap IS NOT NULL, 'position cap', shown_weight(cap), 'max_position_risk ' || shown(max_position_risk),
                format(
                    '= min({}, floor({} / {} x 100000000 + 0.000001) / 100000000): {}.',
                    shown(single_cap), shown(max_position_risk), shown(volatility),
                    if(
                        cap < single_cap,
                        'less than max_single_position, by its volatility',
                        'max_single_position is the smaller one'
                    )
                )
            ),
            step_when(
                drop_reason <> 'target_volatility', 'dropped', drop_reason,
                if(
                    drop_reason = 'max_position_risk',
                    'max_position_risk ' || shown(max_position_risk),
                    'min_position_size ' || shown(minimum)
                ),
                CASE
                    WHEN drop_reason = 'no_size' THEN 'Its score has no size.'
                    WHEN drop_reason = 'max_position_risk'
                    THEN format(
                        'Its position cap {} is below min_position_size {}: it moves too much.',
                        shown_weight(cap), shown(minimum)
                    )
                    WHEN NOT fits_bucket
                    THEN format(
                        'No room for another position of the minimum size: it is number {} in bucket {}, and '
                        'floor(({}) / {}) = {:.0f} fit.',
                        bucket_place, bucket, bucket_sum, shown(minimum), bucket_places
                    )
                    ELSE format(
                        'No room for another position of the minimum size: it is number {}, and '
                        'floor({} / {}) = {:.0f} fit.',
                        place, shown(free_total), shown(minimum), places
                    )
                END
            ),
            step_when(
                is_sized AND is_dynamic AND raw_factor IS NOT NULL, 'lambda', shown(raw_factor), NULL,
                if(
                    n_at_minimum = 0,
                    format(
                        '= {} / {}: the total over the sum of the {} of all {} positions.',
                        shown(free_total), shown(size_total), if(has_risk_multiplier, 'sizes', 'multipliers'), n_sized
                    ),
                    format(
                        '= ({} - {} x {}) / {}: what those at the minimum leave, over the other {}.',
                        shown(free_total),
                        n_at_minimum,
                        shown(minimum),
                        shown(size_total),
                        if(has_risk_multiplier, 'sizes', 'multipliers')
                    )
                )
            ),
            step_when(
                is_sized, 'raw weight', shown_weight(raw_weight), 'target_total_allocation ' || shown(total),
                CASE
                    WHEN NOT is_dynamic
                    THEN format(
                        '= {} / {}. Dynamic sizing is disabled: the total divided evenly, without caps.',
                        shown(free_total), n_sized
                    )
                    WHEN raw_factor IS NULL
                    THEN format('= {}: every position is at min_position_size.', shown(minimum))
                    WHEN minimum = 0 THEN format('= {} x {}.', shown(raw_factor), shown(size))
                    ELSE format(
                        '= max({} x {}, {}): its share, never below min_position_size.',
                        shown(raw_factor), shown(size), shown(minimum)
                    )
                END
            ),
            step_when(
                is_sized AND stage1_cap IS NOT NULL AND theta IS NOT NULL, 'theta', shown(theta), bucket_name,
                format(
                    '= ({}{}{}{}) / {}: what the bucket leaves, over the raw weights that it scales.',
                    bucket_sum,
                    if(n_capped_1 = 0, '', format(' - {} x {}', n_capped_1, shown(single_cap))),
                    if(risk_capped_1 = 0, '', ' - ' || shown(risk_capped_1)),
                    if(n_at_minimum_1 = 0, '', format(' - {} x {}', n_at_minimum_1, shown(minimum))),
                    shown(raw_scaled)
                )
            ),
            step_when(
                is_sized, 'stage 1 weight', shown_weight(stage1_weight),
                CASE stage1_cap
                    WHEN 'bucket' THEN bucket_name
                    WHEN 'position' THEN cap_name
                    WHEN 'risk' THEN cap_name
                END,
                concat(
                    CASE
                        WHEN NOT is_dynamic THEN format('= {}.', shown(raw_weight))
                        WHEN stage1_cap IS NULL THEN format('= min({}, {}).', shown(raw_weight), shown(cap))
                        WHEN theta IS NOT NULL
                        THEN format(
                            '= min(max({} x {}, {}), {}).',
                            shown(theta), shown(raw_weight), shown(minimum), shown(cap)
                        )
                        WHEN stage1_cap IN ('position', 'risk')
                        THEN format('= min({}, {}).', shown(raw_weight), shown(cap))
                        ELSE format('= {}, the minimum.', shown(minimum))
                    END,
                    CASE stage1_cap
                        WHEN 'position' THEN ' Capped by max_single_position.'
                        WHEN 'risk' THEN ' Capped by max_position_risk.'
                        WHEN 'bucket' THEN ' Capped by the limit of its bucket.'
                        ELSE ' No cap binds.'
                    END
                )
            ),
            step_when(
                is_open AND is_dynamic AND bucket_factor IS NULL AND factor IS NOT NULL, 'factor', shown(factor), NULL,
                if(
                    n_capped = 0,
                    format(
                        '= {} / {}: the total over the sum after stage 1.', shown(free_total), shown(open_total)
                    ),
                    format(
                        '= ({} - {}) / {}: what the {} capped leave, over the others after stage 1.',
                        shown(free_total), shown(capped_total), shown(open_total), n_capped
                    )
                )
            ),
            step_when(
                is_open AND is_dynamic AND bucket_factor IS NOT NULL, 'bucket factor', shown(bucket_factor),
                bucket_name,
                format(
                    '= ({}{}{}{}) / {}: what the capped leave of the bucket, over its others after stage 1.',
                    bucket_sum,
                    if(bucket_capped = 0, '', ' - ' || shown(bucket_capped)),
                    if(n_capped_2 = 0, '', format(' - {} x {}', n_capped_2, shown(single_cap))),
                    if(risk_capped_2 = 0, '', ' - ' || shown(risk_capped_2)),
                    shown(bucket_open)
                )
            ),
            step_when(
                is_sized, 'stage 2 weight', shown_weight(stage2_weight),
                CASE stage2_cap
                    WHEN 'bucket' THEN bucket_name
                    WHEN 'position' THEN cap_name
                    WHEN 'risk' THEN cap_name
                END,
                CASE
                    WHEN NOT is_dynamic OR coalesce(bucket_factor, factor) IS NULL
                    THEN format('= {}.', shown(stage1_weight))
                    WHEN stage1_cap IS NOT NULL
                    THEN format('= {}: capped in stage 1, it keeps that weight.', shown(stage1_weight))
                    ELSE format(
                        '= min({} x {}, {}): with its part of what the capped left over{}.',
                        shown(coalesce(bucket_factor, factor)),
                        shown(stage1_weight),
                        shown(cap),
                        CASE stage2_cap
                            WHEN 'position' THEN ', up to max_single_position'
                            WHEN 'risk' THEN ', up to its position cap'
                            WHEN 'bucket' THEN ', up to the limit of its bucket'
                            ELSE ''
                        END
                    )
                END
            ),
            step_when(
                is_sized AND residual > 0, 'left over', shown_weight(residual), residual_strategy,
                format(
                    '= {} - {}: target_total_allocation less the sum after stage 2, pinned ones included.',
                    shown(total), shown(stage2_total)
                )
            ),
            step_when(
                is_sized AND residual > 0 AND residual_strategy <> 'cash_bucket', 'room', shown_weight(room), NULL,
                format(
                    '= min({} - {}, {}{}): of {}, max_residual_per_asset{}.',
                    shown(cap), shown(stage2_weight), shown(max_residual_per_asset),
                    coalesce(
                        format(', {} x {}', shown(max_residual_multiple), shown(stage2_weight)), ''
                    ),
                    if(cap < single_cap, 'max_position_risk', 'max_single_position'),
                    if(max_residual_multiple IS NULL, '', ', max_residual_multiple')
                )
            ),
            step_when(
                is_sized AND residual > 0 AND residual_strategy = 'safe_top_slice' AND bucket_limit IS NOT NULL,
                'bucket room', shown_weight(bucket_left), bucket_name,
                format(
                    '= max({} - {} - {}, 0): less its sum after stage 2, and what better ranked names took.',
                    bucket_sum, shown(bucket_stage2), shown(bucket_residual_before)
                )
            ),
            step_when(
                is_sized AND residual > 0 AND residual_strategy = 'safe_top_slice', 'left for it',
                shown_weight(residual_left), NULL,
                format(
                    '= max({} - {}, 0): less what better ranked names took. {}',
                    shown(residual), shown(residual_before),
                    coalesce(format('It ran out at rank {}.', last_rank), 'It did not run out.')
                )
            ),
            step_when(
                is_sized AND residual > 0 AND residual_strategy = 'proportional' AND residual_limit = 'bucket_cap',
                'bucket mu', shown(bucket_mu), bucket_name,
                format(
                    '= max({} - {} - {}, 0) / {}: what is left for the bucket, over its others after stage 2.',
                    bucket_sum,
                    shown(bucket_stage2),
                    shown(other_residual_in_bucket),
                    shown(bucket_limited_stage2)
                )
            ),
            step_when(
                is_sized AND residual > 0 AND residual_strategy = 'proportional' AND mu IS NOT NULL
                    AND residual_limit IS DISTINCT FROM 'bucket_cap',
                'mu', shown(mu), NULL,
                format(
                    '= ({} - {}) / {}: what names at their limit leave of it, over the others after stage 2.',
                    shown(residual), shown(limited_residual), shown(unlimited_stage2)
                )
            ),
            step_when(
                is_sized, 'residual weight', shown_weight(residual_weight), residual_limit,
                CASE
                    WHEN residual = 0 THEN '= 0: nothing was left over.'
                    WHEN residual_strategy = 'cash_bucket' THEN '= 0: cash_bucket places nothing.'
                    WHEN residual_strategy = 'safe_top_slice'
                    THEN format(
                        '= min({}{}, {}).',
                        shown(room),
                        coalesce(', ' || shown(bucket_left), ''),
                        shown(residual_left)
                    )
                    WHEN residual_limit = 'bucket_cap'
                    THEN format('= min({} x {}, {}).', shown(bucket_mu), shown(stage2_weight), shown(room))
                    WHEN mu IS NOT NULL
                    THEN format('= min({} x {}, {}).', shown(mu), shown(stage2_weight), shown(room))
                    ELSE format('= {}: more is left than all have room for.', shown(room))
                END
            ),
            step_when(
                is_sized AND risk_scale IS NOT NULL, 'before the scale', shown(unscaled_volatility),
                'target_volatility ' || shown(target_volatility),
                if(
                    unscaled_volatility IS NULL,
                    format('No volatility: {} sessions in which every position has a return are too few.', n_sessions),
                    format(
                        'Volatility of a year of all these weights, over the {} sessions in which every position has a '
                        'return.',
                        n_sessions
                    )
                )
            ),
            step_when(
                is_sized AND risk_scale IS NOT NULL, 'scale', shown(risk_scale),
                'target_volatility ' || shown(target_volatility),
                CASE
                    WHEN NOT is_scaled AND unscaled_volatility IS NULL THEN '= 1: nothing is scaled.'
                    WHEN NOT is_scaled THEN '= 1: the target is met as it is.'
                    WHEN moving_pins = 0
                    THEN format(
                        '= floor({} / {} x 100000000 + 0.0001) / 100000000: positions are scaled down to the target, the '
                        'rest is cash.',
                        shown(target_volatility), shown(unscaled_volatility)
                    )
                    WHEN portfolio_volatility > target_volatility + 1e-7
                    THEN format(
                        'What is pinned, {}, moves too much alone: this is the least volatility that the others can '
                        'bring.',
                        shown(moving_pins)
                    )
                    ELSE format(
                        'What is not pinned is scaled down until the target is met; {} is pinned, and is not.',
                        shown(moving_pins)
                    )
                END
            ),
            step_when(
                is_sized OR is_pinned, 'rounded down', format('{:.8f}', rounded_units / 1e8), NULL,
                format(
                    '= floor(({}{}){} x 100000000 + {}) / 100000000, in whole units of 0.00000001.',
                    shown(stage2_weight),
                    if(is_pinned, '', ' + ' || shown(residual_weight)),
                    if(is_sized AND is_scaled, ' x ' || shown(risk_scale), ''),
                    shown(snap)
                )
            ),
            step_when(
                drop_reason = 'target_volatility', 'dropped', drop_reason,
                'target_volatility ' || shown(target_volatility), 'Scaled down to nothing: no whole unit is left.'
            ),
            step_when(
                is_sized OR is_pinned, 'rounding unit', format('{:.8f}', extra_units / 1e8), NULL,
                format(
                    if(
                        is_scaled,
                        '{} of {} units: what the scale frees is cash, units too. Target: {:.8f} + {:.8f}.',
                        '{} of {} units that rounding down left over, by largest remainder. Target: {:.8f} + {:.8f}.'
                    ),
                    extra_units, leftover_units, rounded_units / 1e8, extra_units / 1e8
                )
            ),
            step_when(
                risk_share IS NOT NULL, 'risk share', shown(risk_share), NULL,
                format(
                    'Its part of the variance of the targets, which move {} a year; the shares of all positions add up to 1.',
                    shown(portfolio_volatility)
                )
            )
        ] AS steps
    FROM placed
    JOIN request ON placed.asset = requested_asset
)
SELECT
    generate_subscripts(steps, 1) AS step,
    unnest(steps, recursive := true)
FROM (
    SELECT list_filter(steps, lambda one: one IS NOT NULL) AS steps FROM of_position
);

COMMENT ON MACRO shown IS 'shown(number DOUBLE): a number as text, with at most twelve significant digits.';
COMMENT ON MACRO shown_weight IS 'shown_weight(weight DOUBLE): a weight as text: eight decimals where it has no more, else as shown.';
COMMENT ON MACRO step_when IS 'step_when(is_shown BOOLEAN, quantity VARCHAR, value VARCHAR, limit_value VARCHAR, words VARCHAR): one step of explain, sizing_steps or what_would_change; null where it is not shown.';
COMMENT ON MACRO scaled_to IS 'scaled_to(limit_value DOUBLE, immovable DOUBLE, movable DOUBLE): the factor, as the text of a sum, that brings the movable pinned weights within what immovable ones leave of a limit.';
COMMENT ON MACRO TABLE sizing_steps IS 'sizing_steps(portfolio VARCHAR, asset VARCHAR, as_of DATE): how the sizing came to one published weight, a row per step; the words begin with the sum that gives the value from the numbers above it. Nothing for what was not selected.
step BIGINT: Place among the steps, from 1.
quantity VARCHAR: What the row reports, a term of docs/sizing.md: grace factor, pinned weight, within limits, total to divide, tier, multiplier, volatility, reference, by volatility, crowding, by crowding, size, position cap, dropped, lambda, raw weight, theta, stage 1 weight, factor, bucket factor, stage 2 weight, left over, room, bucket room, left for it, mu, bucket mu, residual weight, before the scale, scale, rounded down, rounding unit, risk share.
value VARCHAR: Its value as text; weights are fractions of the portfolio value, with up to 12 digits.
limit_value VARCHAR: The limit that it is compared with, name and value; null when there is none.
words VARCHAR: The sum, and what it is.';
