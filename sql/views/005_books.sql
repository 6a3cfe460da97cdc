-- Grain: one row per run, portfolio and asset with a target: what is held when the trades are done, 0 if closed. Runs before V011 have no post_trade_weight: they leave what was held and what was traded.
-- Columns as in: targets
CREATE OR REPLACE VIEW books AS
SELECT
    run_id,
    portfolio_id,
    asset,
    coalesce(post_trade_weight, current_weight + trade_weight)::DECIMAL(10, 8) AS held_weight
FROM targets
WHERE NOT is_cash;

COMMENT ON VIEW books IS 'One row per run, portfolio and asset with a target: what is held when the trades are done. Cash is none.';
COMMENT ON COLUMN books.asset IS 'Asset.';
COMMENT ON COLUMN books.held_weight IS 'Weight held when the trades are done, fraction of the portfolio value; 0: closed.';
