-- Grain: one row per step of the story of one weight, from top to bottom.
CREATE OR REPLACE MACRO explain(portfolio, asset, as_of) AS TABLE
WITH request AS (
    SELECT portfolio::VARCHAR AS requested_portfolio, asset::VARCHAR AS requested_asset, as_of::DATE AS requested_day
),
visible AS (
    SELECT
        visible_runs.portfolio_id,
        visible_runs.run_id,
        visible_runs.published_at,
        runs.code_fingerprint,
        runs.inputs,
        run_limits.limits
    FROM visible_runs
    JOIN request ON visible_runs.portfolio_id = requested_portfolio AND visible_runs.as_of_date = requested_day
    JOIN runs USING (run_id)
    LEFT JOIN run_limits USING (run_id, portfolio_id)
),
candidates AS (
    FROM decisions SEMI JOIN visible USING (run_id, portfolio_id)
),
crowd AS (
    SELECT
        count(candidate_rank) AS n_ranked,
        count(*) FILTER (is_selected) AS n_selected,
        arg_max(
            candidates.asset, jaro_winkler_similarity(upper(candidates.asset), upper(requested_asset))
        ) AS nearest_asset
    FROM candidates, request
),
renamed AS (
    SELECT string_agg(entry.key, ', ' ORDER BY entry.key) AS old_names
    FROM (
        SELECT unnest(map_entries(json_extract(inputs, '$.renamed')::MAP(VARCHAR, VARCHAR))) AS entry
        FROM visible
    ), request
    WHERE entry.value = requested_asset
),
parts AS (
    SELECT scores.technical_score, scores.fundamental_score, scores.score AS combined_score
    FROM scores
    JOIN candidates ON candidates.asset = scores.asset AND candidates.score_date = scores.as_of_date
    JOIN request ON candidates.asset = requested_asset
    JOIN visible
        ON scores.model = (limits ->> 'model')
        AND list_contains(json_extract(inputs, '$.scores')::BIGINT[], scores.ingest_id)
),
last_score AS (
    SELECT max(scores.as_of_date) AS last_score_date
    FROM scores
    SEMI JOIN effective_ingests_as_of((SELECT published_at FROM visible)) AS counted USING (ingest_id)
    JOIN request ON scores.asset = requested_asset AND scores.as_of_date < requested_day
    JOIN visible ON scores.model = (limits ->> 'model')
),
known AS (
    SELECT string_agg(portfolio_id, ', ' ORDER BY portfolio_id) AS portfolio_ids FROM current_runs
),
near AS (
    SELECT
        count(*) AS n_days,
        max(as_of_date) FILTER (as_of_date < requested_day) AS day_before,
        min(as_of_date) FILTER (as_of_date > requested_day) AS day_after
    FROM visible_runs
    JOIN request ON visible_runs.portfolio_id = requested_portfolio
),
tried AS (
    SELECT
        arg_max(coalesce(ended.outcome, run_events.state), run_events.event_id) AS tried_state,
        arg_max(run_events.reason, run_events.event_id) AS tried_reason,
        -- A run is held for reasons of several portfolios, each reported with its name.
        array_to_string(
            list_filter(
                string_split(tried_reason, '; '),
                lambda sentence: starts_with(sentence, any_value(requested_portfolio) || ': ')
            ),
            '; '
        ) AS own_reasons
    FROM run_events
    JOIN runs USING (run_id)
    JOIN run_portfolios USING (run_id)
    JOIN request ON runs.as_of_date = requested_day AND run_portfolios.portfolio_id = requested_portfolio
    LEFT JOIN proposal_history AS ended ON run_events.event_id = CASE ended.outcome
        WHEN 'declined' THEN ended.decision_id
        WHEN 'superseded' THEN ended.event_id
    END
    WHERE run_events.state NOT IN ('unchanged', 'superseded')
),
sizing AS (
    SELECT
        list(
            {'quantity': quantity, 'value': value, 'limit_value': limit_value, 'words': words}
            ORDER BY step
        ) AS sizing
    FROM sizing_steps(portfolio, asset, as_of)
),
reach AS (
    SELECT
        CASE
            WHEN any_value(has_bucket_limits)
            THEN string_agg(
                if(
                    pinned_total > bucket_limit,
                    format('{} x 0{}', n_sized, pins),
                    format(
                        'min({}{}, {})',
                        coalesce(shown(own_caps), format('{} x {}', n_sized, shown(cap))), pins, shown(bucket_limit)
                    )
                ),
                ' + ' ORDER BY bucket
            )
            ELSE concat(
                coalesce(shown(sum(own_caps)), format('{} x {}', sum(n_sized), shown(any_value(cap)))),
                string_agg(pins, '' ORDER BY bucket)
            )
        END AS reach_sum
    FROM (
        SELECT
            bucket,
            -- What is scaled down to nothing could hold something.
            count(*) FILTER (pinned_weight IS NULL AND coalesce(drop_reason = 'target_volatility', true)) AS n_sized,
            if(
                any_value((limits ->> 'max_position_risk')) IS NULL,
                NULL,
                coalesce(
                    sum(position_cap::DOUBLE)
                        FILTER (pinned_weight IS NULL AND coalesce(drop_reason = 'target_volatility', true)),
                    0
                )
            ) AS own_caps,
            sum(raw_weight) FILTER (pinned_weight IS NOT NULL) AS pinned_total,
            coalesce(' + ' || shown(pinned_total), '') AS pins,
            any_value((limits ->> 'enable_dynamic_sizing')::BOOLEAN) AS is_dynamic,
            if(is_dynamic, any_value((limits ->> 'max_single_position')::DOUBLE), 1) AS cap,
            is_dynamic AND any_value((limits ->> 'enable_bucket_diversification')::BOOLEAN) AS has_bucket_limits,
            coalesce(
                any_value(json_extract(limits, '$.max_allocation_by_bucket')::MAP(VARCHAR, DOUBLE))[bucket],
                any_value((limits ->> 'max_allocation_per_bucket')::DOUBLE)
            ) AS bucket_limit
        FROM sizing_audit
        JOIN visible USING (run_id, portfolio_id)
        GROUP BY bucket
    )
),
estimate AS (
    SELECT
        risk_estimates.missing_reason,
        risk_estimates.n_returns,
        risk_estimates.last_return_date,
        risk_estimates.source = 'scores' AS is_scored,
        risk_estimates.suspect_session
    FROM risk_estimates
    JOIN request ON risk_estimates.asset = requested_asset
    JOIN visible ON risk_estimates.run_id = visible.run_id
        AND risk_estimates.source = (limits ->> 'volatility_source')
        AND CASE risk_estimates.source
            WHEN 'scores' THEN risk_estimates.model = (limits ->> 'model')
            ELSE risk_estimates.half_life_days = (limits ->> 'volatility_half_life_days')::INTEGER
            AND risk_estimates.window_days = (limits ->> 'volatility_window_days')::INTEGER
            AND risk_estimates.min_observations = (limits ->> 'min_observations')::INTEGER
            AND risk_estimates.max_plausible_return = (limits ->> 'max_plausible_return')::DOUBLE
        END
),
suspect AS (
    SELECT
        any_value(close * coalesce(adjustment_factor, 1)) FILTER (as_of_date = suspect_session) AS adjusted,
        arg_max(close, as_of_date) FILTER (as_of_date < suspect_session) AS close_before
    FROM prices
    JOIN estimate ON prices.as_of_date BETWEEN suspect_session - INTERVAL 15 DAY AND suspect_session
    JOIN request ON prices.asset = requested_asset
    WHERE ingest_id IN (SELECT unnest(json_extract(inputs, '$.prices')::BIGINT[]) FROM visible)
),
traded_in_all AS (
    SELECT sum(abs(trade_weight)) AS all_traded
    FROM targets
    JOIN visible USING (run_id, portfolio_id)
    WHERE NOT is_cash
),
story AS (
    SELECT
        request.*,
        traded_in_all.*,
        reach.*,
        sizing.*,
        visible.run_id,
        visible.published_at,
        visible.code_fingerprint,
        visible.limits,
        crowd.*,
        known.*,
        near.*,
        tried.*,
        parts.*,
        last_score.*,
        renamed.*,
        estimate.*,
        suspect.*,
        coalesce(decision.gate = 'no_volatility' OR decision.kept_by = 'volatility_missing', false) AS needs_volatility,
        size.position_cap::DOUBLE < (limits ->> 'max_single_position')::DOUBLE AS is_capped_by_risk,
        if(
            is_capped_by_risk,
            'max_position_risk ' || (limits ->> 'max_position_risk'),
            'max_single_position ' || (limits ->> 'max_single_position')
        ) AS cap_name,
        decision,
        size,
        target,
        summary,
        traded,
        target.target_weight - target.current_weight AS change_weight,
        target.current_weight + target.trade_weight AS held_after,
        NOT target.is_cash AND traded.portfolio_id IS NOT NULL AS has_trade_reason,
        coalesce((limits ->> 'min_trade_weight')::DECIMAL(10, 8), 0) AS min_trade,
        coalesce(
            (json_extract(limits, '$.max_allocation_by_bucket')::MAP(VARCHAR, VARCHAR))[target.bucket],
            limits ->> 'max_allocation_per_bucket'
        ) AS release_limit
    FROM request
    CROSS JOIN traded_in_all
    CROSS JOIN crowd
    CROSS JOIN known
    CROSS JOIN near
    CROSS JOIN tried
    CROSS JOIN last_score
    CROSS JOIN sizing
    CROSS JOIN reach
    CROSS JOIN renamed
    LEFT JOIN visible ON true
    LEFT JOIN parts ON true
    LEFT JOIN estimate ON true
    LEFT JOIN suspect ON true
    LEFT JOIN candidates AS decision ON decision.asset = requested_asset
    LEFT JOIN (FROM sizing_audit SEMI JOIN visible USING (run_id, portfolio_id)) AS size
        ON size.run_id = visible.run_id AND size.portfolio_id = visible.portfolio_id AND size.asset = requested_asset
    LEFT JOIN (FROM targets SEMI JOIN visible USING (run_id, portfolio_id)) AS target
        ON target.run_id = visible.run_id AND target.portfolio_id = visible.portfolio_id AND target.asset = requested_asset
    LEFT JOIN (FROM sizing_summary SEMI JOIN visible USING (run_id, portfolio_id)) AS summary
        ON summary.run_id = visible.run_id AND summary.portfolio_id = visible.portfolio_id
    LEFT JOIN (FROM trade_summary SEMI JOIN visible USING (run_id, portfolio_id)) AS traded
        ON traded.run_id = visible.run_id AND traded.portfolio_id = visible.portfolio_id
)
SELECT
    generate_subscripts(steps, 1) AS step,
    unnest(steps, recursive := true)
FROM (
    SELECT list_filter(
        [
            step_when(
                run_id IS NULL, 'published run', NULL, NULL,
                CASE
                    WHEN n_days = 0
                    THEN format(
                        'No portfolio {} was ever published; published are: {}.',
                        requested_portfolio,
                        coalesce(portfolio_ids, 'none')
                    )
                    ELSE concat_ws(
                        ' ',
                        format('Nothing is published of {} for {}.', requested_portfolio, requested_day),
                        coalesce(
                            format(
                                'Its last run is {}: {}.',
                                tried_state,
                                rtrim(coalesce(nullif(own_reasons, ''), tried_reason), '.')
                            ),
                            'No run covers that day.'
                        ),
                        format('The published day before it is {}.', day_before),
                        format('The published day after it is {}.', day_after)
                    )
                END
            ),
            step_when(
                run_id IS NOT NULL AND decision.asset IS NULL AND requested_asset <> 'CASH', 'candidate', NULL, NULL,
                concat_ws(
                    ' ',
                    format('{} is no candidate of {} on {}:', requested_asset, requested_portfolio, requested_day),
                    'neither held nor scored that day.',
                    format('The nearest name is {}.', nearest_asset)
                )
            ),
            step_when(
                decision.asset IS NOT NULL, 'holding', decision.current_weight::VARCHAR, NULL,
                format(
                    '{} when the day was computed. Bucket {}.{}',
                    if(decision.is_held, 'Held', 'Not held'),
                    decision.bucket,
                    coalesce(format(' Renamed from {}: what was known of it counts.', old_names), '')
                )
            ),
            step_when(
                decision.asset IS NOT NULL, 'restriction', coalesce(decision.restriction, 'none'), NULL,
                CASE decision.restriction
                    WHEN 'no_buy' THEN 'It may not be bought; a holding never grows.'
                    WHEN 'no_trade' THEN 'It may be neither bought nor sold; a holding keeps its weight.'
                    WHEN 'must_sell' THEN 'It must be sold, and may not be held.'
                    ELSE 'Nothing restricts it.'
                END
            ),
            step_when(
                decision.asset IS NOT NULL, 'score', format('{:.12g}', decision.score),
                if(
                    decision.is_held,
                    'min_score_threshold ' || (limits ->> 'min_score_threshold'),
                    'min_score_new_position ' || (limits ->> 'min_score_new_position')
                ),
                CASE
                    WHEN decision.score IS NULL THEN 'No score that counts.'
                    WHEN combined_score IS NOT NULL THEN 'The combined score as it came.'
                    WHEN decision.has_partial_score
                    THEN format('Only its {} part came.', if(technical_score IS NULL, 'fundamental', 'technical'))
                    ELSE format(
                        '{} x technical {:.12g} + {} x fundamental {:.12g}, over the sum of the two weights.',
                        (limits ->> 'technical_score_weight'),
                        technical_score,
                        (limits ->> 'fundamental_score_weight'),
                        fundamental_score
                    )
                END
            ),
            step_when(
                decision.asset IS NOT NULL, 'score age', decision.score_age_days::VARCHAR,
                'max_score_age_days ' || (limits ->> 'max_score_age_days'),
                CASE
                    WHEN decision.is_score_stale OR decision.score_date IS NULL
                    THEN concat_ws(
                        ' ',
                        coalesce(
                            format('Too old to act on: its last score is of {}.', last_score_date),
                            'Missing: it had no score before.'
                        ),
                        if(decision.is_score_stale, 'A holding is frozen, never sold for it.', NULL)
                    )
                    ELSE format('Trading days since the score of {}.', decision.score_date)
                END
            ),
            step_when(
                decision.candidate_rank IS NOT NULL, 'rank', decision.candidate_rank::VARCHAR, NULL,
                format(
                    'Of {} candidates with a score; {} in bucket {}.', n_ranked, decision.bucket_rank, decision.bucket
                )
            ),
            step_when(
                decision.asset IS NOT NULL, 'gate', coalesce(decision.gate, 'none'),
                format(
                    '{} {:.12g}',
                    if(decision.gate = 'replaced', 'replacement_margin', replace(decision.gate, 'below_', '')),
                    decision.gate_limit
                ),
                decision.decision_reason
            ),
            step_when(
                decision.kept_by IS NOT NULL, 'kept by', decision.kept_by,
                CASE
                    WHEN decision.kept_by IN ('min_holding_days', 'grace_period_days')
                    THEN format('{} {}', decision.kept_by, limits ->> decision.kept_by)
                END,
                concat_ws(
                    ' ',
                    if(decision.is_locked, 'It cannot lose its place.', 'It loses its place before others do.'),
                    format('Without it: {}.', decision.kept_from)
                )
            ),
            step_when(
                needs_volatility, 'no volatility', missing_reason,
                CASE missing_reason
                    WHEN 'suspect_return' THEN 'max_plausible_return ' || (limits ->> 'max_plausible_return')
                    WHEN 'too_few_returns' THEN 'min_observations ' || (limits ->> 'min_observations')
                END,
                concat(
                    CASE
                        WHEN is_scored AND missing_reason = 'no_returns' THEN 'None came with its score: deliver it there.'
                        WHEN is_scored AND missing_reason = 'implausible'
                        THEN 'It came with its score as more than 5: deliver it there as a fraction, 0.2 for 20 % a year.'
                        WHEN is_scored THEN 'It came with its score as 0: deliver it there.'
                        WHEN missing_reason = 'suspect_return'
                        THEN concat(
                            format('The return of {} is suspect', suspect_session),
                            coalesce(
                                format(
                                    ': = {} / {} - 1 = {:.6f}', shown(adjusted), shown(close_before),
                                    adjusted / close_before - 1
                                ),
                                ''
                            ),
                            '. Deliver the prices of that session again: with the adjustment_factor of a split, or with '
                            'the return as daily_return where it is right.'
                        )
                        WHEN missing_reason = 'no_returns'
                        THEN 'No return in the window: deliver its prices (close, or daily_return).'
                        WHEN missing_reason = 'too_few_returns'
                        THEN format(
                            '{} returns in the window: deliver older prices (close, or daily_return), or set a lower '
                            'min_observations.',
                            n_returns
                        )
                        WHEN missing_reason = 'old_returns'
                        THEN format(
                            'Its last return is of {}: deliver the prices since (close, or daily_return).',
                            last_return_date
                        )
                        ELSE 'Its prices do not move: deliver prices that do (close, or daily_return).'
                    END,
                    if(
                        decision.is_held,
                        ' Until then it keeps its weight. must_sell closes it all the same.',
                        ' Until then it is not opened.'
                    )
                )
            ),
            step_when(
                decision.entry_score IS NOT NULL, 'entry score', format('{:.12g}', decision.entry_score), NULL,
                'Lowest score with which it is selected, everything else equal.'
            ),
            step_when(
                decision.rival IS NOT NULL, 'rival', decision.rival, NULL,
                if(
                    decision.is_selected,
                    'Would come in its place just below the entry score.',
                    'Would leave for it at the entry score.'
                )
            )
        ]
        || coalesce(sizing, [])
        || [
            step_when(
                coalesce(target.is_cash, false), 'positions', summary.n_sized::VARCHAR, NULL,
                format('Of {} selected, {} dropped.', summary.n_selected, summary.n_dropped)
            ),
            step_when(
                coalesce(target.is_cash, false), 'invested weight', summary.invested_weight::VARCHAR,
                'target_total_allocation ' || summary.target_total_allocation::VARCHAR,
                'Sum of the positions. The reserve beyond target_total_allocation is no part of the targets.'
            ),
            step_when(
                coalesce(target.is_cash, false), 'reachable weight', shown_weight(summary.reachable_weight),
                summary.binding_limit,
                concat(
                    '= ' || reach_sum || ': ',
                    if(
                        summary.binding_limit IS NULL,
                        'the limits let these names reach the total.',
                        format('{} keeps the sum below the total.', summary.binding_limit)
                    )
                )
            ),
            step_when(
                coalesce(target.is_cash, false), 'residual', shown_weight(summary.residual), summary.residual_strategy,
                format(
                    if(summary.stage2_total > summary.target_total_allocation, '= max({} - {}, 0)', '= {} - {}')
                    || ': left over by the caps after stage 2; {} of it was placed.',
                    summary.target_total_allocation::VARCHAR,
                    shown(summary.stage2_total),
                    shown(summary.residual_placed)
                )
            ),
            step_when(
                coalesce(target.is_cash, false) AND summary.risk_scale IS NOT NULL, 'before the scale',
                shown(summary.unscaled_volatility), 'target_volatility ' || (limits ->> 'target_volatility'),
                format(
                    'Volatility of a year, over the {} sessions in which every position has a return.', summary.n_sessions
                )
            ),
            step_when(
                coalesce(target.is_cash, false) AND summary.risk_scale IS NOT NULL, 'scale', shown(summary.risk_scale),
                'target_volatility ' || (limits ->> 'target_volatility'),
                if(
                    summary.risk_scale < 1,
                    'What every position is multiplied by that is not pinned; the rest is cash.',
                    'Nothing is scaled down.'
                )
            ),
            step_when(
                coalesce(target.is_cash, false) AND summary.portfolio_volatility IS NOT NULL, 'total volatility',
                shown(summary.portfolio_volatility), 'target_volatility ' || (limits ->> 'target_volatility'),
                if(
                    summary.portfolio_volatility > (limits ->> 'target_volatility')::DOUBLE + 1e-7,
                    'Of the targets, of a year. What is pinned moves too much alone: the target is not attainable.',
                    'Of the targets, of a year.'
                )
            ),
            step_when(
                coalesce(target.is_cash, false) AND summary.relaxation IS NOT NULL, 'relaxation', summary.relaxation,
                NULL, 'The cheapest single change of a limit that would place all.'
            ),
            step_when(
                decision.asset IS NOT NULL OR coalesce(target.is_cash, false), 'target weight',
                coalesce(target.target_weight, 0)::VARCHAR,
                CASE
                    WHEN
                        size.asset IS NOT NULL
                        AND size.drop_reason IS NULL
                        AND (limits ->> 'enable_dynamic_sizing')::BOOLEAN
                    THEN cap_name
                END,
                CASE
                    WHEN target.is_cash
                    THEN format(
                        '= {} - {}. {}',
                        summary.target_total_allocation::VARCHAR,
                        summary.invested_weight::VARCHAR,
                        target.target_reason
                    )
                    WHEN target.asset IS NOT NULL THEN target.target_reason
                    WHEN size.asset IS NOT NULL THEN size.sizing_reason
                    ELSE 'Neither selected nor held: no target.'
                END
            ),
            step_when(
                NOT target.is_cash, 'change', change_weight::VARCHAR, NULL,
                format('= {} - {}: target less holding.', target.target_weight::VARCHAR, target.current_weight::VARCHAR)
            ),
            step_when(
                has_trade_reason AND target.current_weight > 0 AND target.target_weight > 0 AND change_weight <> 0
                    AND target.trade_reason <> 'no_trade',
                'held back to', shown_weight((limits ->> 'rebalance_band')::DOUBLE * target.current_weight),
                'rebalance_band ' || (limits ->> 'rebalance_band'),
                format(
                    '= {} x {}: a change of at most this{} is held back.',
                    (limits ->> 'rebalance_band'),
                    target.current_weight::VARCHAR,
                    if(min_trade > 0, format(', or below min_trade_weight {},', min_trade::VARCHAR), '')
                )
            ),
            step_when(
                has_trade_reason AND target.trade_scale < 1, 'turnover', traded.turnover::VARCHAR,
                'max_turnover ' || (limits ->> 'max_turnover'),
                format(
                    '= {} / 2: half of all that is traded; {} of it is mandatory. {:.12g} of the way to all trades.',
                    all_traded::VARCHAR,
                    traded.mandatory_turnover::VARCHAR,
                    target.trade_scale
                )
            ),
            step_when(
                target.asset IS NOT NULL, 'trade', target.trade_weight::VARCHAR,
                CASE
                    WHEN target.trade_reason = 'above_cap' THEN cap_name
                    WHEN target.trade_reason = 'above_bucket_limit'
                    THEN format('bucket {} {}', target.bucket, release_limit)
                    WHEN target.trade_reason = 'over_allocation'
                    THEN 'target_total_allocation ' || summary.target_total_allocation::VARCHAR
                    WHEN target.trade_reason = 'held_by_band'
                        OR (target.trade_reason IS NULL AND NOT target.is_cash AND change_weight <> 0)
                    THEN 'rebalance_band ' || (limits ->> 'rebalance_band')
                    WHEN target.trade_reason = 'held_by_min_trade' THEN 'min_trade_weight ' || min_trade::VARCHAR
                    WHEN target.trade_reason = 'held_by_turnover' THEN 'max_turnover ' || (limits ->> 'max_turnover')
                END,
                CASE
                    WHEN target.is_cash AND traded.portfolio_id IS NULL THEN 'Cash is what the trades leave.'
                    WHEN target.is_cash
                    THEN format(
                        '= {} - {}: what the sales bring less what the purchases take.',
                        traded.sold_weight::VARCHAR,
                        traded.bought_weight::VARCHAR
                    )
                    ELSE concat_ws(
                        ' ',
                        format(
                            '{}: {}{}{}:',
                            target.action,
                            target.current_weight::VARCHAR,
                            coalesce(' -> ' || nullif(held_after, target.current_weight)::VARCHAR, ''),
                            coalesce(format(', number {} of the trades', target.trade_rank), '')
                        ),
                        CASE target.trade_reason
                            WHEN 'no_trade' THEN 'under no_trade nothing is traded.'
                            WHEN 'unchanged' THEN 'the target is what is held.'
                            WHEN 'open' THEN 'it was not held.'
                            WHEN 'close' THEN 'its target is 0.'
                            WHEN 'held_by_band' THEN 'the change is within rebalance_band.'
                            WHEN 'held_by_min_trade' THEN 'the change is below min_trade_weight.'
                            WHEN 'held_by_turnover' THEN 'max_turnover leaves nothing of the change.'
                            WHEN 'above_cap' THEN 'small, and released: it is above its cap.'
                            WHEN 'above_bucket_limit' THEN 'small, and released: its bucket would be above its limit.'
                            WHEN 'over_allocation' THEN 'small, and released: more would be invested than there is.'
                            WHEN 'rebalance' THEN 'the change is neither within the band nor too small.'
                            ELSE CASE
                                WHEN change_weight = 0 THEN 'the target is what is held.'
                                WHEN target.action = 'hold' THEN 'the change is within rebalance_band.'
                                ELSE 'the whole change.'
                            END
                        END,
                        if(
                            has_trade_reason AND target.trade_weight NOT IN (0, change_weight),
                            'max_turnover leaves this part of it.',
                            NULL
                        )
                    )
                END
            ),
            step_when(
                target.asset IS NOT NULL, 'post-trade', target.post_trade_weight::VARCHAR, NULL,
                if(
                    target.post_trade_weight IS NULL,
                    'Not kept: the run was computed before trades were made to add up.',
                    format(
                        '= {} {} {}: held when the trades are done.',
                        target.current_weight::VARCHAR,
                        if(target.trade_weight < 0, '-', '+'),
                        abs(target.trade_weight)::VARCHAR
                    )
                )
            ),
            step_when(
                run_id IS NOT NULL, 'run', run_id, NULL,
                format('Computed with the code {}.', left(code_fingerprint, 12))
            ),
            step_when(
                run_id IS NOT NULL, 'published at', published_at::VARCHAR, NULL,
                'Since then the targets are visible to execution.'
            )
        ],
        lambda step: step IS NOT NULL
    ) AS steps
    FROM story
);

COMMENT ON MACRO TABLE explain IS 'explain(portfolio VARCHAR, asset VARCHAR, as_of DATE): how one published weight came about, a row per step from top to bottom; of CASH, of a rejected asset, of a closed holding too. An unknown name, portfolio or day is told in a row.
step BIGINT: Place in the story, from 1.
quantity VARCHAR: What the row reports: holding, restriction, score, score age, rank, gate, kept by, no volatility, entry score, rival; the steps of sizing_steps; of CASH positions, invested weight, reachable weight, residual, before the scale, scale, total volatility, relaxation; then target weight, change, held back to, turnover, trade, post-trade, run, published at.
value VARCHAR: Its value as text; weights are fractions of the portfolio value.
limit_value VARCHAR: The limit that it is compared with, name and value; null when there is none.
words VARCHAR: The step in words.';
