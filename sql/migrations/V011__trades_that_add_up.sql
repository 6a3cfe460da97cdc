-- The book that the trades leave: what is held afterwards, why a change is traded or not, what max_turnover leaves of it.
-- Rows of earlier runs keep null: their book is current_weight + trade_weight.
ALTER TABLE targets ADD COLUMN post_trade_weight DECIMAL(10, 8);
ALTER TABLE targets ADD COLUMN trade_reason VARCHAR;
ALTER TABLE targets ADD COLUMN trade_scale DOUBLE;
COMMENT ON COLUMN targets.current_weight IS 'Weight held before the trades, fraction of the portfolio value; of CASH the money beside the reserve, negative where the reserve is in use. CASH of runs before V011: 0.';
COMMENT ON COLUMN targets.trade_weight IS 'Weight to trade, fraction of the portfolio value, negative for a sale; of CASH what the trades of the assets leave or take. Of a portfolio the sum is 0.';
COMMENT ON COLUMN targets.post_trade_weight IS 'Weight held when the trades are done, fraction of the portfolio value: current_weight + trade_weight. Null: a run before V011.';
COMMENT ON COLUMN targets.trade_reason IS 'Why the change is traded or not: no_trade, unchanged, open, close, held_by_band, held_by_min_trade, above_cap, above_bucket_limit, over_allocation, held_by_turnover or rebalance. Null for CASH, and in runs before V011.';
COMMENT ON COLUMN targets.trade_scale IS 'Part of the way from the mandatory trades to all trades that max_turnover leaves, in [0, 1]; 1: all of it. Null for CASH, and in runs before V011.';
COMMENT ON COLUMN targets.action IS 'What happens to the holding: open, increase, decrease, close or hold.';

ALTER TABLE constraint_checks ADD COLUMN basis VARCHAR DEFAULT 'target';
COMMENT ON TABLE constraint_checks IS 'One row per run, portfolio, constraint and basis.';
COMMENT ON COLUMN constraint_checks.basis IS 'What is compared with the limit: target, or post_trade for the book after the trades.';

CREATE TABLE trade_summary (
    run_id VARCHAR NOT NULL,
    portfolio_id VARCHAR NOT NULL,
    invested_before_weight DECIMAL(10, 8) NOT NULL,
    bought_weight DECIMAL(10, 8) NOT NULL,
    sold_weight DECIMAL(10, 8) NOT NULL,
    turnover DECIMAL(11, 9) NOT NULL,
    mandatory_turnover DECIMAL(11, 9),
    trade_scale DOUBLE NOT NULL,
    n_trades INTEGER NOT NULL,
    n_held_back INTEGER NOT NULL,
    n_released INTEGER NOT NULL,
    invested_after_weight DECIMAL(10, 8) NOT NULL,
    cash_after_weight DECIMAL(10, 8) NOT NULL
);
COMMENT ON TABLE trade_summary IS 'One row per run and portfolio: what the trades of the assets come to. Runs before V011 have none.';
COMMENT ON COLUMN trade_summary.run_id IS 'Run that computed the trades, see runs.';
COMMENT ON COLUMN trade_summary.portfolio_id IS 'Portfolio.';
COMMENT ON COLUMN trade_summary.invested_before_weight IS 'Weight of all assets before the trades, fraction of the portfolio value.';
COMMENT ON COLUMN trade_summary.bought_weight IS 'Sum of the purchases, fraction of the portfolio value.';
COMMENT ON COLUMN trade_summary.sold_weight IS 'Sum of the sales, fraction of the portfolio value.';
COMMENT ON COLUMN trade_summary.turnover IS 'One-way turnover, half of what is bought and sold, fraction of the portfolio value, exact.';
COMMENT ON COLUMN trade_summary.mandatory_turnover IS 'One-way turnover of the trades that max_turnover may not stop, fraction of the portfolio value; null without max_turnover.';
COMMENT ON COLUMN trade_summary.trade_scale IS 'Part of the way from the mandatory trades to all trades that max_turnover leaves, in [0, 1]; 1: all of it.';
COMMENT ON COLUMN trade_summary.n_trades IS 'Assets that are traded, count.';
COMMENT ON COLUMN trade_summary.n_held_back IS 'Changes within rebalance_band or below min_trade_weight that are not traded, count.';
COMMENT ON COLUMN trade_summary.n_released IS 'Such changes that are traded since the book would break a limit, count.';
COMMENT ON COLUMN trade_summary.invested_after_weight IS 'Weight of all assets after the trades, fraction of the portfolio value.';
COMMENT ON COLUMN trade_summary.cash_after_weight IS 'Money beside the reserve after the trades, fraction of the portfolio value.';
