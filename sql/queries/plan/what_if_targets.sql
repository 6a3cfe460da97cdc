-- Grain: one row per portfolio and asset with a target in its run or in the visible run, and one of CASH. A target is
-- changed when its weight is another, or its trade: one of an earlier visible day is done by now.
-- Parameters: $portfolio_ids VARCHAR[], $run_ids VARCHAR[], $visible_run_ids VARCHAR[], which belong together.
SELECT
    compared.portfolio_id,
    compared.asset,
    compared.bucket,
    compared.is_cash,
    compared.previous_target_weight AS visible_target_weight,
    compared.target_weight,
    compared.weight_change,
    targets.current_weight,
    targets.trade_weight,
    targets.post_trade_weight,
    targets.action,
    targets.trade_rank,
    targets.trade_reason,
    decisions.kept_by,
    decisions.gate,
    compared.change,
    compared.change_reason,
    compared.causes,
    targets.target_reason,
    compared.weight_change <> 0
    OR (
        NOT compared.is_cash
        AND coalesce(targets.trade_weight, 0)
        <> if(compared.previous_as_of_date = compared.as_of_date, coalesce(shown.trade_weight, 0), 0)
    ) AS is_changed,
    compared.previous_as_of_date AS visible_as_of_date,
    compared.previous_run_id AS visible_run_id,
    compared.run_id
FROM differences_of((
    SELECT list({'portfolio_id': portfolio_id, 'run_id': run_id, 'previous_run_id': visible_run_id})
    FROM (
        SELECT
            unnest($portfolio_ids::VARCHAR[]) AS portfolio_id,
            unnest($run_ids::VARCHAR[]) AS run_id,
            unnest($visible_run_ids::VARCHAR[]) AS visible_run_id
    )
)) AS compared
LEFT JOIN targets USING (run_id, portfolio_id, asset)
LEFT JOIN decisions
    ON decisions.run_id = compared.run_id
    AND decisions.portfolio_id = compared.portfolio_id AND decisions.asset = compared.asset
LEFT JOIN targets AS shown
    ON shown.run_id = compared.previous_run_id
    AND shown.portfolio_id = compared.portfolio_id AND shown.asset = compared.asset
ORDER BY compared.portfolio_id, compared.is_cash, abs(compared.weight_change) DESC, compared.asset;
