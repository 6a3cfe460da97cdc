-- Grain: one row per portfolio and day: the result of the orders of the run that is visible, the last attempt.
-- Columns as in: order_status
CREATE OR REPLACE VIEW visible_order_status AS
SELECT
    visible_runs.portfolio_id,
    visible_runs.as_of_date,
    coalesce(tried.status, 'not_made') AS status,
    CASE coalesce(tried.status, 'not_made')
        WHEN 'ordered' THEN format('{} orders of {} trades', tried.n_orders, tried.n_trades)
        WHEN 'no_trades' THEN 'nothing is traded'
        WHEN 'missing_value' THEN format('accounts has no value of {}', visible_runs.as_of_date::VARCHAR)
        WHEN 'missing_prices' THEN format(
            '{} of {} traded assets have no price of {}: {}',
            tried.n_problem_assets,
            tried.n_trades,
            visible_runs.as_of_date::VARCHAR,
            tried.problem_assets
        )
        WHEN 'contradicting_quantities' THEN format(
            '{} quantities are worth more than twice the portfolio: {}', tried.n_problem_assets, tried.problem_assets
        )
        ELSE 'no daily run of that day made orders'
    END AS explanation,
    tried.portfolio_value,
    tried.n_trades,
    tried.n_orders,
    tried.n_problem_assets,
    tried.problem_assets,
    tried.cash_before,
    tried.cash_after,
    tried.accounts_ingest_id,
    tried.prices_ingest_id,
    visible_runs.run_id,
    tried.happened_at
FROM visible_runs
LEFT JOIN order_status AS tried USING (run_id, portfolio_id)
QUALIFY row_number() OVER (
    PARTITION BY visible_runs.portfolio_id, visible_runs.as_of_date ORDER BY tried.happened_at DESC
) = 1;

COMMENT ON VIEW visible_order_status IS 'One row per portfolio and day: the result of the orders of the run that is visible, and why there are none.';
COMMENT ON COLUMN visible_order_status.as_of_date IS 'Trading day, exchange date.';
COMMENT ON COLUMN visible_order_status.status IS 'As in order_status, or not_made: no daily run of that day tried.';
COMMENT ON COLUMN visible_order_status.explanation IS 'The status in words.';
