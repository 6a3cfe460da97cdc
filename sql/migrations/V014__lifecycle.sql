-- What is remembered of a name that a portfolio holds or held: since when, in which grace, when it was closed. Earlier
-- runs get what their books tell; in them every limit of the lifecycle was off, so there is no grace.

CREATE TABLE lifecycle (
    run_id VARCHAR NOT NULL,
    portfolio_id VARCHAR NOT NULL,
    asset VARCHAR NOT NULL,
    is_held BOOLEAN NOT NULL,
    is_confirmed BOOLEAN NOT NULL,
    opened_on DATE,
    term_started_on DATE,
    grace_started_on DATE,
    grace_count INTEGER,
    grace_entry_weight DECIMAL(10, 8),
    closed_on DATE[] NOT NULL
);
COMMENT ON TABLE lifecycle IS 'One row per run, portfolio and asset that is held after the trades, or was closed in the last 260 sessions. The next run of the portfolio starts from it.';
COMMENT ON COLUMN lifecycle.run_id IS 'Run after which it is so, see runs.';
COMMENT ON COLUMN lifecycle.portfolio_id IS 'Portfolio.';
COMMENT ON COLUMN lifecycle.asset IS 'Asset.';
COMMENT ON COLUMN lifecycle.is_held IS 'Whether it is held when the trades are done.';
COMMENT ON COLUMN lifecycle.is_confirmed IS 'Whether positions since agreed with it: what no positions confirmed is withdrawn where they differ.';
COMMENT ON COLUMN lifecycle.opened_on IS 'Day on which the holding was opened, exchange date; of a closed name the last one. Null: not known, it was there without an opening of ours.';
COMMENT ON COLUMN lifecycle.term_started_on IS 'Day from which max_holding_days counts, exchange date: the opening, the first day on which it was seen, or the last review.';
COMMENT ON COLUMN lifecycle.grace_started_on IS 'Day of the first failing score, exchange date; null: not in grace.';
COMMENT ON COLUMN lifecycle.grace_count IS 'Failing scores after the first, count; null: not in grace.';
COMMENT ON COLUMN lifecycle.grace_entry_weight IS 'Weight held on the day of the first failing score, fraction of the portfolio value; null: not in grace.';
COMMENT ON COLUMN lifecycle.closed_on IS 'Days on which the name was closed in the last 260 sessions, exchange dates, newest first; empty: none.';

ALTER TABLE decisions ADD COLUMN is_locked BOOLEAN;
ALTER TABLE decisions ADD COLUMN kept_by VARCHAR;
ALTER TABLE decisions ADD COLUMN kept_from VARCHAR;
ALTER TABLE decisions ADD COLUMN days_held INTEGER;
ALTER TABLE decisions ADD COLUMN grace_count INTEGER;
ALTER TABLE decisions ADD COLUMN gate_days_left INTEGER;
COMMENT ON COLUMN decisions.is_pinned IS 'Holding whose weight is not for the sizing to choose: it may not be traded, its score is missing or too old, it is in grace, or it keeps its place without qualifying for it.';
COMMENT ON COLUMN decisions.is_locked IS 'Holding that cannot lose its place, whatever its score and rank. Null: a run before V014, in which is_pinned says it.';
COMMENT ON COLUMN decisions.kept_by IS 'Why it is locked or in grace: no_trade, score_missing, volatility_missing, core_assets, min_holding_days or grace_period_days. Null: neither, or a run before V014.';
COMMENT ON COLUMN decisions.kept_from IS 'Gate that its score would have had if it were not kept. Null: none, or a run before V014.';
COMMENT ON COLUMN decisions.days_held IS 'Sessions since the holding was opened. Null: not held, opening not known, no limit of the portfolio counts, or a run before V014.';
COMMENT ON COLUMN decisions.grace_count IS 'Failing scores after the first, count. Null: not in grace, or a run before V014.';
COMMENT ON COLUMN decisions.gate_days_left IS 'Sessions, in grace failing scores, before what keeps or stops it ends. Null: nothing that ends by days, or a run before V014.';
