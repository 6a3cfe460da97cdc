-- Orders: what they are made from (account values, lot sizes, quantities held), what they are, and which portfolios
-- have none. Rows of earlier ingests keep null: a lot of one share, a quantity that is not known.

ALTER TABLE assets ADD COLUMN lot_size DOUBLE;
COMMENT ON COLUMN assets.lot_size IS 'Shares of a lot: orders are whole lots. Null: 1.';
ALTER TABLE positions ADD COLUMN quantity DOUBLE;
COMMENT ON COLUMN positions.quantity IS 'Shares held; null where it did not come: orders then take the nearest whole number of lots of current_weight.';
COMMENT ON COLUMN ingests.kind IS 'What was read: scores, assets, positions, accounts, restrictions, renames, prices.';

CREATE TABLE accounts (
    ingest_id BIGINT NOT NULL,
    row_number INTEGER NOT NULL,
    as_of_date DATE NOT NULL,
    portfolio_id VARCHAR NOT NULL,
    portfolio_value DOUBLE NOT NULL
);
COMMENT ON TABLE accounts IS 'One row per ingest, day and portfolio. The newest ingest of an as_of_date counts, as a whole.';
COMMENT ON COLUMN accounts.ingest_id IS 'Ingest that the row came with, see ingests.';
COMMENT ON COLUMN accounts.row_number IS 'Place of the row in its source; 1 is the first data row.';
COMMENT ON COLUMN accounts.as_of_date IS 'Trading day of the value, exchange date.';
COMMENT ON COLUMN accounts.portfolio_id IS 'Portfolio that is valued.';
COMMENT ON COLUMN accounts.portfolio_value IS 'Value of positions, cash and reserve together, in the currency of the portfolio, which its prices have too.';

CREATE TABLE orders (
    run_id VARCHAR NOT NULL,
    portfolio_id VARCHAR NOT NULL,
    order_id VARCHAR NOT NULL,
    order_rank INTEGER NOT NULL,
    asset VARCHAR NOT NULL,
    side VARCHAR NOT NULL CHECK (side IN ('buy', 'sell')),
    quantity DECIMAL(20, 8) NOT NULL,
    quantity_before DECIMAL(20, 8) NOT NULL,
    lot_size DECIMAL(20, 8) NOT NULL,
    reference_price DECIMAL(18, 8) NOT NULL,
    notional DECIMAL(28, 8) NOT NULL,
    weight_before DECIMAL(10, 8) NOT NULL,
    weight_after DECIMAL(10, 8) NOT NULL,
    reason VARCHAR NOT NULL
);
COMMENT ON TABLE orders IS 'One row per order of a published run: portfolio and asset. A trade of less than a lot, or below min_order_value, has none.';
COMMENT ON COLUMN orders.run_id IS 'Run whose trades are ordered, see runs.';
COMMENT ON COLUMN orders.portfolio_id IS 'Portfolio.';
COMMENT ON COLUMN orders.order_id IS 'Name of the order, the same for the same run, portfolio and asset, so that repeats can be dropped: run/portfolio/asset, with ~1 for / and ~0 for ~ in a name.';
COMMENT ON COLUMN orders.order_rank IS 'Order of the orders of a portfolio, 1 first: sales before purchases, the larger first.';
COMMENT ON COLUMN orders.asset IS 'Asset to trade.';
COMMENT ON COLUMN orders.side IS 'buy or sell.';
COMMENT ON COLUMN orders.quantity IS 'Shares to trade, above 0: whole lots, but for a closing, which sells all that is held.';
COMMENT ON COLUMN orders.quantity_before IS 'Shares held before: of positions.quantity, or the nearest whole number of lots of current_weight.';
COMMENT ON COLUMN orders.lot_size IS 'Shares of a lot.';
COMMENT ON COLUMN orders.reference_price IS 'Price of a share with which was reckoned: the close of the day, in the currency of the portfolio.';
COMMENT ON COLUMN orders.notional IS 'quantity x reference_price, rounded down, in the currency of the portfolio.';
COMMENT ON COLUMN orders.weight_before IS 'Weight of quantity_before at the reference price, fraction of the portfolio value.';
COMMENT ON COLUMN orders.weight_after IS 'Weight when the order is done at the reference price, fraction of the portfolio value.';
COMMENT ON COLUMN orders.reason IS 'Why the asset is traded, see targets.trade_reason.';

CREATE TABLE order_status (
    run_id VARCHAR NOT NULL,
    portfolio_id VARCHAR NOT NULL,
    happened_at TIMESTAMPTZ NOT NULL,
    status VARCHAR NOT NULL,
    portfolio_value DECIMAL(28, 8),
    n_trades INTEGER NOT NULL,
    n_orders INTEGER NOT NULL,
    n_problem_assets INTEGER NOT NULL,
    problem_assets VARCHAR,
    cash_before DECIMAL(28, 8),
    cash_after DECIMAL(28, 8),
    accounts_ingest_id BIGINT,
    prices_ingest_id BIGINT
);
COMMENT ON TABLE order_status IS 'One row per published run, portfolio and attempt to order: the last one counts. What was ordered once is not ordered again.';
COMMENT ON COLUMN order_status.run_id IS 'Run whose trades are ordered, see runs.';
COMMENT ON COLUMN order_status.portfolio_id IS 'Portfolio.';
COMMENT ON COLUMN order_status.happened_at IS 'When, UTC.';
COMMENT ON COLUMN order_status.status IS 'ordered, no_trades, missing_value (accounts has none for the day), missing_prices, or contradicting_quantities (held shares are worth more than twice the portfolio).';
COMMENT ON COLUMN order_status.portfolio_value IS 'Value of the portfolio, in its currency; null: missing.';
COMMENT ON COLUMN order_status.n_trades IS 'Assets that the targets trade, count.';
COMMENT ON COLUMN order_status.n_orders IS 'Orders, count; fewer than trades where a trade is less than a lot or below min_order_value.';
COMMENT ON COLUMN order_status.n_problem_assets IS 'Traded assets without a price, or whose quantity contradicts, count.';
COMMENT ON COLUMN order_status.problem_assets IS 'The first ten of them; null: none.';
COMMENT ON COLUMN order_status.cash_before IS 'Money beside the reserve before the orders, in the currency of the portfolio, rounded down; null: no value.';
COMMENT ON COLUMN order_status.cash_after IS 'Money beside the reserve when the orders are done at the reference prices, rounded down; null: no value.';
COMMENT ON COLUMN order_status.accounts_ingest_id IS 'Ingest of the account values, see ingests; null: none of the day.';
COMMENT ON COLUMN order_status.prices_ingest_id IS 'Ingest of the prices, see ingests; null: none of the day.';
