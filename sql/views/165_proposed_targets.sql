-- Grain: one row per open proposal, portfolio and asset with a target in it or visible, and one of CASH.
-- A proposal is compared with what is visible of its day, or of the published day before it. What the proposal does not
-- trade is a hold; compared with its own day, only where the visible targets do not trade it either.
-- Columns as in: targets
CREATE OR REPLACE VIEW proposed_targets AS
SELECT
    compared.portfolio_id,
    compared.as_of_date,
    compared.asset,
    compared.bucket,
    compared.is_cash,
    compared.previous_as_of_date AS visible_as_of_date,
    compared.previous_target_weight AS visible_target_weight,
    compared.target_weight,
    compared.weight_change,
    CASE
        WHEN
            targets.action = 'hold'
            AND (compared.previous_as_of_date IS DISTINCT FROM compared.as_of_date OR shown.action = 'hold')
            AND NOT compared.is_cash
            AND compared.change <> 'unchanged'
            THEN 'hold'
        ELSE compared.change
    END AS change,
    compared.change_reason,
    compared.causes,
    targets.current_weight,
    targets.trade_weight,
    targets.post_trade_weight,
    targets.action,
    targets.trade_rank,
    targets.trade_reason,
    targets.target_reason,
    compared.previous_run_id AS visible_run_id,
    compared.run_id
FROM differences_of((
    SELECT list({'portfolio_id': portfolio_id, 'run_id': run_id, 'previous_run_id': visible_run_id})
    FROM (
        SELECT
            open_proposals.portfolio_id,
            open_proposals.run_id,
            visible_runs.run_id AS visible_run_id
        FROM open_proposals
        ASOF LEFT JOIN visible_runs
            ON visible_runs.portfolio_id = open_proposals.portfolio_id
            AND open_proposals.as_of_date >= visible_runs.as_of_date
    )
)) AS compared
LEFT JOIN targets USING (run_id, portfolio_id, asset)
LEFT JOIN targets AS shown
    ON shown.run_id = compared.previous_run_id
    AND shown.portfolio_id = compared.portfolio_id AND shown.asset = compared.asset
ORDER BY
    compared.as_of_date,
    compared.portfolio_id,
    compared.is_cash,
    abs(compared.weight_change) DESC,
    compared.asset;

COMMENT ON VIEW proposed_targets IS 'One row per open proposal, portfolio and asset with a target in it or visible, and one of CASH: what approving would change, and why. Nothing of it is visible to execution.';
COMMENT ON COLUMN proposed_targets.as_of_date IS 'Trading day of the proposal, exchange date.';
COMMENT ON COLUMN proposed_targets.visible_as_of_date IS 'Trading day of the visible targets that it is compared with, exchange date: the same day or the published one before; null when there is none.';
COMMENT ON COLUMN proposed_targets.visible_target_weight IS 'Visible target, fraction of the portfolio value, exact; 0 when it has none.';
COMMENT ON COLUMN proposed_targets.target_weight IS 'Proposed target, fraction of the portfolio value, exact; 0 when it has none.';
COMMENT ON COLUMN proposed_targets.weight_change IS 'target_weight less visible_target_weight, fraction of the portfolio value, exact.';
COMMENT ON COLUMN proposed_targets.change IS 'hold where another target makes no trade (within the rebalance_band, for example); else opened, closed, increased, decreased or unchanged, of the targets (of the holding: action).';
COMMENT ON COLUMN proposed_targets.change_reason IS 'What moved between the two runs, in words; null when unchanged.';
COMMENT ON COLUMN proposed_targets.causes IS 'What the change is made of, the largest part first, each with its weight; together they are weight_change, exactly: size (its own multiplier), others (the multipliers of the other names), total (what there is to divide), minimum, caps, residual, rounding; selection where it came or went, pinned, first; of CASH total and positions. Null when unchanged.';
COMMENT ON COLUMN proposed_targets.current_weight IS 'Weight held when computed, fraction of the portfolio value; null when the proposal has no row of the asset.';
COMMENT ON COLUMN proposed_targets.trade_weight IS 'Weight that would be traded, fraction of the portfolio value, negative for a sale; null when the proposal has no row of the asset.';
COMMENT ON COLUMN proposed_targets.action IS 'open, increase, decrease, close or hold; null when the proposal has no row of the asset.';
COMMENT ON COLUMN proposed_targets.target_reason IS 'The proposed target in words; null when the proposal has no row of the asset.';
COMMENT ON COLUMN proposed_targets.visible_run_id IS 'Run that it is compared with, see runs; null for the first of a portfolio.';
COMMENT ON COLUMN proposed_targets.run_id IS 'Proposed run, see runs.';
