-- Grain: one row per portfolio and published day: what is not invested, and which limit keeps it so.
-- Columns as in: sizing_summary
CREATE OR REPLACE VIEW cash_drag AS
SELECT
    sizing_summary.portfolio_id,
    visible_runs.as_of_date,
    sizing_summary.target_total_allocation,
    sizing_summary.invested_weight,
    sizing_summary.cash_weight,
    1 - sizing_summary.allocation_efficiency AS cash_share,
    sizing_summary.reachable_weight,
    sizing_summary.binding_limit,
    sizing_summary.relaxation,
    sizing_summary.residual,
    sizing_summary.residual_placed,
    sizing_summary.residual_strategy,
    sizing_summary.n_sized,
    sizing_summary.run_id
FROM sizing_summary
JOIN visible_runs USING (run_id, portfolio_id)
ORDER BY visible_runs.as_of_date DESC, sizing_summary.portfolio_id;

COMMENT ON VIEW cash_drag IS 'One row per portfolio and published day, newest first: what is not invested, and which limit keeps it so.';
COMMENT ON COLUMN cash_drag.as_of_date IS 'Trading day, exchange date.';
COMMENT ON COLUMN cash_drag.cash_weight IS 'Cash that the limits left over, fraction of the portfolio value, exact. The reserve, 1 - target_total_allocation, is not in it.';
COMMENT ON COLUMN cash_drag.cash_share IS 'The same as a share of target_total_allocation: 0 is fully invested.';
COMMENT ON COLUMN cash_drag.reachable_weight IS 'Largest sum that the limits allow with these names, fraction of the portfolio value.';
COMMENT ON COLUMN cash_drag.residual IS 'Weight that the caps left over before it was placed, fraction of the portfolio value.';
COMMENT ON COLUMN cash_drag.n_sized IS 'Positions, count.';
