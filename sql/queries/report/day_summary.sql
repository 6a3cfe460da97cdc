-- Grain: one row per run named and portfolio. Turnover is one-way: half of everything that is traded. A limit is missed
-- where its slack is below zero; cash is forced where a limit keeps the sum below the target. What is held
-- back, released and scaled is null of a run before V011; who is in grace, locked and shut out is 0 before V014.
-- Parameters: $run_ids VARCHAR[].
WITH traded AS (
    SELECT
        run_id,
        portfolio_id,
        as_of_date,
        count(*) FILTER (NOT is_cash AND target_weight > 0) AS n_positions,
        coalesce(sum(target_weight) FILTER (NOT is_cash), 0)::DECIMAL(10, 8) AS invested_weight,
        coalesce(sum(target_weight) FILTER (is_cash), 0)::DECIMAL(10, 8) AS cash_weight,
        count(*) FILTER (action = 'open') AS n_open,
        count(*) FILTER (action = 'close') AS n_close,
        count(*) FILTER (action = 'increase') AS n_increase,
        count(*) FILTER (action = 'decrease') AS n_decrease,
        coalesce(sum(abs(trade_weight)) FILTER (NOT is_cash), 0) * 0.5 AS turnover,
        coalesce(sum(current_weight) FILTER (NOT is_cash), 0)::DECIMAL(12, 8) AS invested_before_weight,
        coalesce(sum(trade_weight) FILTER (NOT is_cash AND trade_weight > 0), 0)::DECIMAL(12, 8) AS bought_weight,
        coalesce(-sum(trade_weight) FILTER (NOT is_cash AND trade_weight < 0), 0)::DECIMAL(12, 8) AS sold_weight,
        coalesce(sum(current_weight + trade_weight) FILTER (NOT is_cash), 0)::DECIMAL(12, 8) AS invested_after_weight,
        (sum(target_weight) - invested_after_weight)::DECIMAL(12, 8) AS cash_after_weight
    FROM targets
    WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[]))
    GROUP BY run_id, portfolio_id, as_of_date
),
limited AS (
    SELECT run_id, portfolio_id, count(*) FILTER (slack < -1e-12) AS n_missed, count(*) FILTER (is_binding AND basis = 'target') AS n_binding
    FROM constraint_checks
    WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[]))
    GROUP BY run_id, portfolio_id
),
decided AS (
    SELECT
        run_id,
        portfolio_id,
        count(*) FILTER (kept_by = 'grace_period_days') AS n_in_grace,
        count(*) FILTER (kept_by IN ('core_assets', 'min_holding_days')) AS n_locked,
        count(*) FILTER (gate IN ('reentry_cooldown_days', 'max_round_trips')) AS n_shut_out
    FROM decisions
    WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[]))
    GROUP BY run_id, portfolio_id
)
SELECT
    traded.*,
    coalesce(limited.n_missed, 0) AS n_missed,
    coalesce(limited.n_binding, 0) AS n_binding,
    traded.cash_weight > 0 AND sizing_summary.binding_limit IS NOT NULL AS is_cash_forced,
    trade_summary.n_held_back,
    trade_summary.n_released,
    trade_summary.mandatory_turnover,
    trade_summary.trade_scale,
    coalesce(decided.n_in_grace, 0) AS n_in_grace,
    coalesce(decided.n_locked, 0) AS n_locked,
    coalesce(decided.n_shut_out, 0) AS n_shut_out
FROM traded
LEFT JOIN limited USING (run_id, portfolio_id)
LEFT JOIN decided USING (run_id, portfolio_id)
LEFT JOIN (FROM sizing_summary WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[]))) AS sizing_summary
    USING (run_id, portfolio_id)
LEFT JOIN (FROM trade_summary WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[]))) AS trade_summary
    USING (run_id, portfolio_id)
ORDER BY run_id, portfolio_id;
