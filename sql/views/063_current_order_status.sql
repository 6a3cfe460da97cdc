-- Grain: one row per portfolio: the result of the orders of the published run of its latest day.
-- Columns as in: visible_order_status, order_status
CREATE OR REPLACE VIEW current_order_status AS
FROM visible_order_status
SEMI JOIN current_runs USING (portfolio_id, as_of_date);

COMMENT ON VIEW current_order_status IS 'One row per portfolio: the result of the orders of the published run of its latest day, and why there are none.';
