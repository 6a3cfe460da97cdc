-- Grain: one row per pair of runs, portfolio and asset that has a target in either of them, and one of CASH.
-- pairs: list of {portfolio_id, run_id, previous_run_id}; previous_run_id null: everything is new.
-- The one place that compares two runs: run_difference, target_changes and correction_changes query it.
CREATE OR REPLACE MACRO differences_of(pairs) AS TABLE
WITH pair AS (
    SELECT unnest(pairs, recursive := true)
),
side AS (
    SELECT portfolio_id, run_id FROM pair
    UNION
    SELECT portfolio_id, previous_run_id FROM pair
),
targeted AS (
    SELECT *, sum(target_weight) OVER (PARTITION BY run_id, portfolio_id) AS total_weight
    FROM targets
    SEMI JOIN side USING (run_id, portfolio_id)
),
sized AS (
    SELECT
        *,
        -- q of docs/sizing.md: of the score, of the volatility and of crowding.
        score_multiplier * coalesce(volatility_multiplier, 1) * coalesce(crowding_multiplier, 1) AS own_size,
        coalesce('risk' IN (stage1_cap, stage2_cap), false) AS is_risk_capped,
        coalesce(residual_limit = 'risk', false) AS is_risk_limited,
        -- What is divided, and by the sizes of how many others.
        sum(raw_weight) FILTER (pinned_weight IS NULL) OVER of_run AS free_total,
        sum(own_size) FILTER (pinned_weight IS NULL AND coalesce(drop_reason = 'target_volatility', true)) OVER of_run
        - own_size AS others_total
    FROM sizing_audit
    SEMI JOIN side USING (run_id, portfolio_id)
    WINDOW of_run AS (PARTITION BY run_id, portfolio_id)
),
scaled AS (
    SELECT
        run_id,
        portfolio_id,
        coalesce(any_value(risk_scale), 1) AS risk_scale,
        -- What the scale is of: the weights that are not pinned, before it.
        coalesce(sum(stage2_weight + residual_weight) FILTER (pinned_weight IS NULL), 0) AS scalable
    FROM sizing_summary
    LEFT JOIN sizing_audit USING (run_id, portfolio_id)
    SEMI JOIN side USING (run_id, portfolio_id)
    GROUP BY ALL
),
name_change AS (
    SELECT run_id, entry.key AS old, entry.value AS new
    FROM (
        SELECT
            run_id,
            unnest(map_entries(json_extract(inputs, '$.renamed')::MAP(VARCHAR, VARCHAR))) AS entry
        FROM runs
        SEMI JOIN pair USING (run_id)
    )
),
old_targeted AS (
    SELECT
        pair.*,
        coalesce(name_change.new, targeted.asset) AS asset,
        any_value(targeted.bucket) AS bucket,
        bool_or(targeted.is_cash) AS is_cash,
        sum(targeted.target_weight) AS target_weight,
        any_value(targeted.total_weight) AS total_weight,
        string_agg(name_change.old, ', ' ORDER BY name_change.old) AS old_names
    FROM pair
    JOIN targeted ON targeted.run_id = pair.previous_run_id AND targeted.portfolio_id = pair.portfolio_id
    LEFT JOIN name_change ON name_change.run_id = pair.run_id AND name_change.old = targeted.asset
    GROUP BY ALL
),
named AS (
    SELECT pair.*, targeted.asset
    FROM pair
    JOIN targeted ON targeted.run_id = pair.run_id AND targeted.portfolio_id = pair.portfolio_id
    UNION
    SELECT portfolio_id, run_id, previous_run_id, asset
    FROM old_targeted
),
wanted AS (
    SELECT portfolio_id, run_id, asset FROM named
    UNION
    SELECT portfolio_id, previous_run_id, asset FROM named
    UNION
    SELECT named.portfolio_id, named.previous_run_id, name_change.old
    FROM named
    JOIN name_change ON name_change.run_id = named.run_id AND name_change.new = named.asset
),
decided AS (
    FROM decisions SEMI JOIN wanted USING (run_id, portfolio_id, asset)
),
old_decided AS (
    SELECT
        pair.*,
        coalesce(name_change.new, decided.asset) AS asset,
        sum(decided.current_weight) OVER same_name AS current_weight,
        decided.score,
        decided.candidate_rank,
        decided.gate,
        decided.restriction,
        decided.bucket,
        decided.kept_by,
        decided.grace_count
    FROM pair
    JOIN decided ON decided.run_id = pair.previous_run_id AND decided.portfolio_id = pair.portfolio_id
    LEFT JOIN name_change ON name_change.run_id = pair.run_id AND name_change.old = decided.asset
    WINDOW same_name AS (
        PARTITION BY pair.portfolio_id, pair.run_id, pair.previous_run_id, coalesce(name_change.new, decided.asset)
    )
    QUALIFY row_number() OVER (same_name ORDER BY name_change.old NULLS FIRST) = 1
),
old_sized AS (
    SELECT
        pair.*,
        coalesce(name_change.new, sized.asset) AS asset,
        sized.size_category,
        sized.score_rank,
        sized.pinned_weight,
        sized.free_total,
        sized.volatility_multiplier,
        sized.crowding_multiplier,
        sized.position_cap,
        bool_or(sized.is_risk_capped) OVER same_name AS is_risk_capped,
        bool_or(sized.is_risk_limited) OVER same_name AS is_risk_limited,
        -- Several names that became one are one asset before, too.
        sum(sized.score_multiplier) OVER same_name AS score_multiplier,
        sum(sized.own_size) OVER same_name AS own_size,
        sum(sized.raw_weight) OVER same_name AS raw_weight,
        sum(sized.stage2_weight) OVER same_name AS stage2_weight,
        sum(sized.residual_weight) OVER same_name AS residual_weight,
        if(
            count(*) OVER same_name = 1,
            sized.others_total,
            sized.others_total + sized.own_size - sum(sized.own_size) OVER same_name
        ) AS others_total
    FROM pair
    JOIN sized ON sized.run_id = pair.previous_run_id AND sized.portfolio_id = pair.portfolio_id
    LEFT JOIN name_change ON name_change.run_id = pair.run_id AND name_change.old = sized.asset
    WINDOW same_name AS (
        PARTITION BY pair.portfolio_id, pair.run_id, pair.previous_run_id, coalesce(name_change.new, sized.asset)
    )
    QUALIFY row_number() OVER (same_name ORDER BY name_change.old NULLS FIRST) = 1
),
compared AS (
    SELECT
        named.*,
        coalesce(target.bucket, old_target.bucket) AS bucket,
        coalesce(target.is_cash, old_target.is_cash) AS is_cash,
        old_target.old_names,
        coalesce(target.target_weight, 0)::DECIMAL(10, 8) AS target_weight,
        coalesce(old_target.target_weight, 0)::DECIMAL(10, 8) AS previous_target_weight,
        NOT coalesce(target.is_cash, old_target.is_cash) AND coalesce(target.target_weight > 0, false) AS is_in,
        NOT coalesce(target.is_cash, old_target.is_cash) AND coalesce(old_target.target_weight > 0, false) AS was_in,
        decision.asset IS NOT NULL AS is_candidate,
        old_decision.asset IS NOT NULL AS was_candidate,
        round(decision.score, 12) AS score,
        round(old_decision.score, 12) AS previous_score,
        decision.candidate_rank,
        old_decision.candidate_rank AS previous_candidate_rank,
        decision.gate,
        decision.gate_limit,
        old_decision.gate AS previous_gate,
        decision.restriction,
        old_decision.restriction AS previous_restriction,
        decision.kept_by,
        old_decision.kept_by AS previous_kept_by,
        decision.grace_count,
        old_decision.grace_count AS previous_grace_count,
        decision.bucket AS decided_bucket,
        old_decision.bucket AS previous_decided_bucket,
        coalesce(decision.current_weight, 0) AS current_weight,
        coalesce(old_decision.current_weight, 0) AS previous_current_weight,
        size.size_category,
        old_size.size_category AS previous_size_category,
        target.total_weight - old_target.total_weight AS total_change,
        coalesce(size.pinned_weight, old_size.pinned_weight) IS NOT NULL AS is_pinned,
        -- What keeps it at a weight now, or else kept it so before: only that moved it.
        CASE if(size.pinned_weight IS NULL, old_decision.kept_by, decision.kept_by)
            WHEN 'grace_period_days' THEN 'grace'
            WHEN 'min_holding_days' THEN 'lock'
            WHEN 'core_assets' THEN 'lock'
            ELSE 'pinned'
        END AS pinned_by,
        (size.free_total + old_size.free_total) / 2 AS mean_total,
        -- Shares of the total by size, before and after, and as if only the own one had changed, or only the others.
        old_size.own_size / nullif(old_size.own_size + old_size.others_total, 0) AS old_share,
        size.own_size / nullif(size.own_size + size.others_total, 0) AS share,
        size.own_size / nullif(size.own_size + old_size.others_total, 0) AS own_share,
        old_size.own_size / nullif(old_size.own_size + size.others_total, 0) AS others_share,
        -- The own one as if only the multiplier of the score had changed, or only those of volatility and crowding.
        size.score_multiplier * coalesce(old_size.own_size / nullif(old_size.score_multiplier, 0), 1) AS scored_size,
        old_size.score_multiplier * coalesce(size.own_size / nullif(size.score_multiplier, 0), 1) AS risk_size,
        scored_size / nullif(scored_size + old_size.others_total, 0) + scored_size / nullif(scored_size + size.others_total, 0)
            AS scored_shares,
        risk_size / nullif(risk_size + old_size.others_total, 0) + risk_size / nullif(risk_size + size.others_total, 0)
            AS risk_shares,
        mean_total * (own_share - old_share + share - others_share) / 2 AS by_own,
        mean_total * ((risk_shares - old_share - others_share) + (share + own_share - scored_shares)) / 4 AS by_multiplier,
        mean_total * (others_share - old_share + share - own_share) / 2 AS by_others,
        (size.free_total - old_size.free_total) * (old_share + share) / 2 AS by_total,
        (size.raw_weight - size.free_total * share)
        - (old_size.raw_weight - old_size.free_total * old_share) AS by_minimum,
        (size.stage2_weight - size.raw_weight) - (old_size.stage2_weight - old_size.raw_weight) AS by_caps,
        size.residual_weight - old_size.residual_weight AS by_residual,
        -- Every part above is scaled down, by the mean of both scales; what the scale itself moved is of the risk.
        (scale.risk_scale + old_scale.risk_scale) / 2 AS mean_scale,
        scale.risk_scale - old_scale.risk_scale AS scale_change,
        scale_change * (
            size.stage2_weight + size.residual_weight + old_size.stage2_weight + old_size.residual_weight
        ) / 2 AS by_scale,
        scale_change * (scale.scalable + old_scale.scalable) / 2 AS scaled_cash,
        size.is_risk_capped OR old_size.is_risk_capped AS caps_are_risk,
        size.is_risk_limited OR old_size.is_risk_limited AS residual_is_risk,
        coalesce(by_multiplier, 0)
        + if(caps_are_risk, by_caps, 0) + if(residual_is_risk, by_residual, 0) AS by_risk,
        coalesce(size.volatility_multiplier, 1) AS by_volatility,
        coalesce(old_size.volatility_multiplier, 1) AS previous_by_volatility,
        coalesce(size.crowding_multiplier, 1) AS by_crowding,
        coalesce(old_size.crowding_multiplier, 1) AS previous_by_crowding,
        size.position_cap,
        old_size.position_cap AS previous_position_cap,
        scale.risk_scale,
        old_scale.risk_scale AS previous_risk_scale,
        is_in AND was_in
            AND (size.score_multiplier, size.score_rank, size.pinned_weight)
            IS DISTINCT FROM (old_size.score_multiplier, old_size.score_rank, old_size.pinned_weight) AS is_resized
    FROM named
    LEFT JOIN targeted AS target
        ON target.run_id = named.run_id
        AND target.portfolio_id = named.portfolio_id AND target.asset = named.asset
    LEFT JOIN old_targeted AS old_target
        ON old_target.run_id = named.run_id AND old_target.previous_run_id = named.previous_run_id
        AND old_target.portfolio_id = named.portfolio_id AND old_target.asset = named.asset
    LEFT JOIN decided AS decision
        ON decision.run_id = named.run_id
        AND decision.portfolio_id = named.portfolio_id AND decision.asset = named.asset
    LEFT JOIN old_decided AS old_decision
        ON old_decision.run_id = named.run_id AND old_decision.previous_run_id = named.previous_run_id
        AND old_decision.portfolio_id = named.portfolio_id AND old_decision.asset = named.asset
    LEFT JOIN sized AS size
        ON size.run_id = named.run_id
        AND size.portfolio_id = named.portfolio_id AND size.asset = named.asset
    LEFT JOIN old_sized AS old_size
        ON old_size.run_id = named.run_id AND old_size.previous_run_id = named.previous_run_id
        AND old_size.portfolio_id = named.portfolio_id AND old_size.asset = named.asset
    LEFT JOIN scaled AS scale ON scale.run_id = named.run_id AND scale.portfolio_id = named.portfolio_id
    LEFT JOIN scaled AS old_scale
        ON old_scale.run_id = named.previous_run_id AND old_scale.portfolio_id = named.portfolio_id
),
crowd AS (
    SELECT
        portfolio_id,
        run_id,
        previous_run_id,
        coalesce(list(asset ORDER BY asset) FILTER (is_in AND NOT was_in), []) AS came,
        coalesce(list(asset ORDER BY asset) FILTER (was_in AND NOT is_in), []) AS went,
        count(*) FILTER (is_resized) AS n_resized
    FROM compared
    GROUP BY ALL
),
limit_change AS (
    SELECT
        portfolio_id,
        run_id,
        previous_run_id,
        string_agg(format('{} {} -> {}', limit_name, old_value, new_value), ', ' ORDER BY limit_name) AS changed_limits
    FROM (
        SELECT
            different.*,
            coalesce(json_extract_string(old_limits, '$.' || limit_name), 'none') AS old_value,
            coalesce(json_extract_string(new_limits, '$.' || limit_name), 'none') AS new_value
        FROM (
            SELECT
                *,
                unnest(list_distinct(json_keys(old_limits) || json_keys(new_limits))) AS limit_name
            FROM (
                SELECT
                    pair.*,
                    old_set.limits AS old_limits,
                    new_set.limits AS new_limits
                FROM pair
                JOIN run_portfolios AS own ON own.run_id = pair.run_id AND own.portfolio_id = pair.portfolio_id
                JOIN run_portfolios AS old_own
                    ON old_own.run_id = pair.previous_run_id AND old_own.portfolio_id = pair.portfolio_id
                JOIN limit_sets AS new_set ON new_set.limits_key = own.limits_key
                JOIN limit_sets AS old_set ON old_set.limits_key = old_own.limits_key
                WHERE own.limits_key <> old_own.limits_key
            )
        ) AS different
    )
    WHERE old_value <> new_value
    GROUP BY ALL
),
moved_by AS (
    SELECT
        *,
        target_weight - previous_target_weight AS weight_change,
        CASE
            WHEN previous_run_id IS NULL THEN [{'cause': 'first', 'weight': weight_change}]
            WHEN is_cash
            THEN [
                {'cause': 'total', 'weight': total_change::DECIMAL(11, 8)},
                {'cause': 'risk', 'weight': coalesce(-scaled_cash, 0)::DECIMAL(11, 8)},
                {
                    'cause': 'positions',
                    'weight': (
                        weight_change - total_change + coalesce(scaled_cash, 0)::DECIMAL(11, 8)
                    )::DECIMAL(11, 8)
                }
            ]
            WHEN NOT (is_in AND was_in) THEN [{'cause': 'selection', 'weight': weight_change}]
            WHEN is_pinned THEN [{'cause': pinned_by, 'weight': weight_change}]
            ELSE [
                {'cause': 'size', 'weight': coalesce(mean_scale * (by_own - by_multiplier), 0)::DECIMAL(11, 8)},
                {'cause': 'risk', 'weight': coalesce(mean_scale * by_risk + by_scale, 0)::DECIMAL(11, 8)},
                {'cause': 'total', 'weight': coalesce(mean_scale * by_total, 0)::DECIMAL(11, 8)},
                {'cause': 'others', 'weight': coalesce(mean_scale * by_others, 0)::DECIMAL(11, 8)},
                {'cause': 'minimum', 'weight': coalesce(mean_scale * by_minimum, 0)::DECIMAL(11, 8)},
                {
                    'cause': 'caps',
                    'weight': if(caps_are_risk, 0, coalesce(mean_scale * by_caps, 0))::DECIMAL(11, 8)
                },
                {
                    'cause': 'residual',
                    'weight': if(residual_is_risk, 0, coalesce(mean_scale * by_residual, 0))::DECIMAL(11, 8)
                }
            ]
        END AS computed,
        (weight_change - list_sum([one.weight for one in computed]))::DECIMAL(11, 8) AS by_rounding,
        list_sort(
            [
                {'size': -abs(one.weight), 'cause': one.cause, 'weight': one.weight}
                for one in list_append(computed, {'cause': 'rounding', 'weight': by_rounding}) if one.weight <> 0
            ]
        ) AS causes
    FROM compared
),
described AS (
    SELECT
        compared.*,
        CASE
            WHEN causes[1].cause = 'others' THEN 'others'
            WHEN causes[1].cause = 'risk' THEN 'risk'
            WHEN causes[1].cause IN ('total', 'minimum', 'caps', 'residual') THEN 'limits'
            WHEN causes[1].cause IN ('selection', 'pinned', 'grace', 'lock') THEN 'selection'
        END AS decisive,
        runs.as_of_date,
        old_run.as_of_date AS previous_as_of_date,
        CASE
            WHEN NOT is_candidate OR NOT was_candidate OR score IS NOT DISTINCT FROM previous_score THEN NULL
            WHEN score IS NULL THEN format('no score any more, it was {:.12g}', previous_score)
            WHEN previous_score IS NULL THEN format('score {:.12g}, there was none', score)
            ELSE format('score {:.12g} -> {:.12g}', previous_score, score)
        END AS score_words,
        CASE
            WHEN is_candidate AND was_candidate AND candidate_rank <> previous_candidate_rank
            THEN format('rank {} -> {}', previous_candidate_rank, candidate_rank)
        END AS rank_words,
        CASE
            WHEN size_category <> previous_size_category
            THEN format('size {} -> {}', previous_size_category, size_category)
        END AS size_words,
        nullif(
            concat_ws(
                ', ',
                CASE
                    WHEN is_in AND was_in AND NOT is_pinned AND by_volatility <> previous_by_volatility
                    THEN format('by volatility {:.4g} -> {:.4g}', previous_by_volatility, by_volatility)
                END,
                CASE
                    WHEN is_in AND was_in AND NOT is_pinned AND by_crowding <> previous_by_crowding
                    THEN format('by crowding {:.4g} -> {:.4g}', previous_by_crowding, by_crowding)
                END,
                CASE
                    WHEN position_cap <> previous_position_cap
                    THEN format('position cap {} -> {}', previous_position_cap::VARCHAR, position_cap::VARCHAR)
                END,
                CASE
                    WHEN NOT is_pinned AND risk_scale <> previous_risk_scale
                    THEN format('scale {:.4f} -> {:.4f}', previous_risk_scale, risk_scale)
                END
            ),
            ''
        ) AS risk_words,
        CASE
            WHEN NOT is_candidate OR NOT was_candidate OR gate IS NOT DISTINCT FROM previous_gate THEN NULL
            WHEN gate IS NULL AND previous_gate = 'replaced' THEN 'selected, no longer replaced by a new name'
            WHEN gate IS NULL THEN 'selected, no longer stopped by ' || previous_gate
            WHEN gate = 'replaced' THEN 'replaced by a new name'
            WHEN gate_limit IS NULL THEN 'stopped by ' || gate
            ELSE format('stopped by {} {:.12g}', gate, gate_limit)
        END AS gate_words,
        CASE
            WHEN kept_by = 'grace_period_days' AND previous_grace_count IS NULL
            THEN format('in grace, failing scores after the first: {}', grace_count)
            WHEN kept_by = 'grace_period_days' AND grace_count <> previous_grace_count
            THEN format('in grace, failing scores {} -> {}', previous_grace_count, grace_count)
            WHEN previous_grace_count IS NOT NULL AND is_candidate AND grace_count IS NULL AND gate IS NULL
            THEN 'out of grace'
            WHEN kept_by = 'volatility_missing' AND kept_by IS DISTINCT FROM previous_kept_by
            THEN 'pinned, it has no volatility'
            WHEN previous_kept_by = 'volatility_missing' AND kept_by IS DISTINCT FROM previous_kept_by
            THEN 'no longer pinned, it has a volatility'
            WHEN kept_by IN ('min_holding_days', 'core_assets') AND kept_by IS DISTINCT FROM previous_kept_by
            THEN 'locked by ' || kept_by
            WHEN previous_kept_by IN ('min_holding_days', 'core_assets') AND kept_by IS DISTINCT FROM previous_kept_by
            THEN 'no longer locked by ' || previous_kept_by
        END AS kept_words,
        CASE
            WHEN restriction IS DISTINCT FROM previous_restriction
            THEN format(
                'restriction {} -> {}', coalesce(previous_restriction, 'none'), coalesce(restriction, 'none')
            )
        END AS restriction_words,
        CASE
            WHEN is_cash THEN NULL
            WHEN old_names IS NOT NULL THEN 'renamed from ' || old_names
            WHEN NOT was_candidate
            THEN concat_ws(
                ', ', 'new among the candidates: neither scored nor held before', format('score {:.12g}', score)
            )
            WHEN NOT is_candidate THEN 'no longer a candidate: neither scored nor held'
            WHEN decided_bucket <> previous_decided_bucket
            THEN format('bucket {} -> {}', previous_decided_bucket, decided_bucket)
        END AS universe_words,
        CASE
            WHEN current_weight <> previous_current_weight
            THEN format('holding {} -> {}', previous_current_weight::VARCHAR, current_weight::VARCHAR)
        END AS holding_words,
        nullif(concat_ws('; ', kept_words, gate_words, restriction_words, universe_words), '') AS selection_words,
        list_filter(crowd.came, lambda other: other <> compared.asset) AS others_in,
        list_filter(crowd.went, lambda other: other <> compared.asset) AS others_out,
        crowd.n_resized - is_resized::INTEGER AS n_others_resized,
        nullif(
            concat_ws(
                '; ',
                'others in: ' || nullif(array_to_string(others_in, ', '), ''),
                'others out: ' || nullif(array_to_string(others_out, ', '), ''),
                CASE
                    WHEN n_others_resized > 0
                    THEN format('others moved in rank or size: {}', n_others_resized)
                END
            ),
            ''
        ) AS others_words,
        CASE
            WHEN limit_change.changed_limits IS NOT NULL THEN 'limit ' || limit_change.changed_limits
        END AS limit_words,
        CASE WHEN runs.code_fingerprint <> old_run.code_fingerprint THEN 'code changed' END AS code_words
    FROM moved_by AS compared
    JOIN crowd
        ON crowd.run_id = compared.run_id AND crowd.portfolio_id = compared.portfolio_id
        AND crowd.previous_run_id IS NOT DISTINCT FROM compared.previous_run_id
    LEFT JOIN limit_change
        ON limit_change.run_id = compared.run_id AND limit_change.portfolio_id = compared.portfolio_id
        AND limit_change.previous_run_id = compared.previous_run_id
    JOIN runs ON runs.run_id = compared.run_id
    LEFT JOIN runs AS old_run ON old_run.run_id = compared.previous_run_id
)
SELECT
    portfolio_id,
    as_of_date,
    previous_as_of_date,
    asset,
    bucket,
    is_cash,
    previous_target_weight,
    target_weight,
    weight_change,
    CASE
        WHEN weight_change = 0 THEN 'unchanged'
        WHEN previous_target_weight = 0 AND NOT is_cash THEN 'opened'
        WHEN target_weight = 0 AND NOT is_cash THEN 'closed'
        WHEN weight_change > 0 THEN 'increased'
        ELSE 'decreased'
    END AS change,
    CASE
        WHEN weight_change = 0 THEN NULL
        WHEN previous_run_id IS NULL THEN 'first published targets of the portfolio'
        ELSE concat_ws(
            '; ',
            if(decisive = 'others', others_words, NULL),
            if(decisive = 'risk', risk_words, NULL),
            if(decisive = 'limits', limit_words, NULL),
            if(decisive = 'selection', selection_words, NULL),
            score_words,
            rank_words,
            size_words,
            if(decisive = 'risk', NULL, risk_words),
            if(decisive = 'selection', NULL, selection_words),
            holding_words,
            if(decisive = 'limits', NULL, limit_words),
            code_words,
            if(decisive = 'others', NULL, others_words)
        )
    END AS change_reason,
    CASE
        WHEN weight_change <> 0
        THEN array_to_string([one.cause || if(one.weight > 0, ' +', ' ') || one.weight::VARCHAR for one in causes], ', ')
    END AS causes,
    CASE
        WHEN weight_change = 0 THEN []
        WHEN previous_run_id IS NULL THEN ['first']
        ELSE list_filter(
            [
                if(score_words IS NULL, NULL, 'score'),
                if(rank_words IS NULL, NULL, 'rank'),
                if(size_words IS NULL, NULL, 'size'),
                if(risk_words IS NULL, NULL, 'risk'),
                if(kept_words IS NULL, NULL, 'kept'),
                if(gate_words IS NULL, NULL, 'gate'),
                if(restriction_words IS NULL, NULL, 'restriction'),
                if(universe_words IS NULL, NULL, 'universe'),
                if(holding_words IS NULL, NULL, 'holding'),
                if(limit_words IS NULL, NULL, 'limit'),
                if(code_words IS NULL, NULL, 'code'),
                if(others_words IS NULL, NULL, 'others')
            ],
            lambda word: word IS NOT NULL
        )
    END AS moved,
    previous_score,
    score,
    previous_candidate_rank,
    candidate_rank,
    previous_gate,
    gate,
    previous_run_id,
    run_id
FROM described
ORDER BY portfolio_id, as_of_date, is_cash, abs(weight_change) DESC, asset;

COMMENT ON MACRO TABLE differences_of IS 'differences_of(pairs STRUCT(portfolio_id VARCHAR, run_id VARCHAR, previous_run_id VARCHAR)[]): one row per pair of runs, portfolio and asset with a target in either; run_difference is easier to ask.
portfolio_id VARCHAR: Portfolio.
as_of_date DATE: Trading day of the newer run, exchange date.
previous_as_of_date DATE: Trading day of the run it is compared with, exchange date; null when there is none.
asset VARCHAR: Asset, or CASH.
bucket VARCHAR: Bucket of the asset; null for CASH.
is_cash BOOLEAN: Whether the row is the cash row.
previous_target_weight DECIMAL(10,8): Target of the run it is compared with, fraction of the portfolio value, exact; 0 when it had none.
target_weight DECIMAL(10,8): Target of the newer run, fraction of the portfolio value, exact; 0 when it has none.
weight_change DECIMAL(11,8): target_weight less previous_target_weight, fraction of the portfolio value, exact.
change VARCHAR: opened, closed, increased, decreased or unchanged; of the targets, not of the holding (that is action in targets).
change_reason VARCHAR: What moved between the two runs, in words, the decisive first; null when unchanged.
causes VARCHAR: What the change is made of, the largest part first, each with its weight; together they are weight_change, exactly: size (the multiplier of its own score), risk (its volatility, what it moves with, max_position_risk, the scale of target_volatility), others (the sizes of the other names), total (what there is to divide), minimum, caps, residual, rounding; selection where it came or went, grace, lock (its begin or end), pinned, first; of CASH total, risk (the scale) and positions. Null when unchanged.
moved VARCHAR[]: The same as words to filter by: score, rank, size, risk, kept, gate, restriction, universe, holding, limit, code, others, first; empty when unchanged.
previous_score DOUBLE: Score that the run it is compared with used, in [0, 1]; null when it had none.
score DOUBLE: Score that the newer run used, in [0, 1]; null when it had none.
previous_candidate_rank INTEGER: Rank of the asset in the run it is compared with, 1 is the best; null without a score.
candidate_rank INTEGER: Rank of the asset in the newer run, 1 is the best; null without a score.
previous_gate VARCHAR: Rule that stopped it in the run it is compared with; null when selected, or no candidate.
gate VARCHAR: Rule that stopped it in the newer run; null when selected, or no candidate.
previous_run_id VARCHAR: Run it is compared with, see runs; null for the first of a portfolio.
run_id VARCHAR: The newer run, see runs.';
