-- Grain: one row per portfolio and published day: how much is traded, assets alone. One-way: half of what is traded.
-- Columns as in: targets, open_proposals
CREATE OR REPLACE VIEW turnover AS
SELECT
    targets.portfolio_id,
    targets.as_of_date,
    coalesce(sum(abs(targets.trade_weight)) FILTER (NOT targets.is_cash), 0) / 2 AS turnover,
    coalesce(sum(targets.trade_weight) FILTER (NOT targets.is_cash AND targets.trade_weight > 0), 0)::DECIMAL(12, 8) AS bought_weight,
    coalesce(-sum(targets.trade_weight) FILTER (NOT targets.is_cash AND targets.trade_weight < 0), 0)::DECIMAL(12, 8) AS sold_weight,
    count(*) FILTER (NOT targets.is_cash AND targets.target_weight > 0) AS n_positions,
    count(*) FILTER (targets.action = 'open') AS n_open,
    count(*) FILTER (targets.action = 'close') AS n_close,
    count(*) FILTER (targets.action = 'increase') AS n_increase,
    count(*) FILTER (targets.action = 'decrease') AS n_decrease,
    targets.run_id
FROM targets
JOIN visible_runs USING (run_id, portfolio_id, as_of_date)
GROUP BY targets.portfolio_id, targets.as_of_date, targets.run_id
ORDER BY targets.as_of_date DESC, targets.portfolio_id;

COMMENT ON VIEW turnover IS 'One row per portfolio and published day, newest first: how much is traded.';
COMMENT ON COLUMN turnover.turnover IS 'One-way turnover, half of everything that is traded, fraction of the portfolio value.';
COMMENT ON COLUMN turnover.bought_weight IS 'Sum of the purchases, fraction of the portfolio value, exact.';
COMMENT ON COLUMN turnover.sold_weight IS 'Sum of the sales, fraction of the portfolio value, exact.';
COMMENT ON COLUMN turnover.n_open IS 'Positions opened, count.';
COMMENT ON COLUMN turnover.n_close IS 'Positions closed, count.';
COMMENT ON COLUMN turnover.n_increase IS 'Positions increased, count.';
COMMENT ON COLUMN turnover.n_decrease IS 'Positions decreased, count.';
COMMENT ON COLUMN turnover.run_id IS 'Run that computed the targets, see runs.';
