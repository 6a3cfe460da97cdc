-- Runs that wait for approval before they become visible, and orders that nothing is published.

CREATE TABLE proposals (
    event_id BIGINT NOT NULL,
    run_id VARCHAR NOT NULL,
    portfolio_id VARCHAR NOT NULL,
    reason VARCHAR,
    needs_four_eyes BOOLEAN NOT NULL,
    proposed_by VARCHAR NOT NULL,
    proposed_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (event_id, portfolio_id)
);
COMMENT ON TABLE proposals IS 'One row per proposed run and portfolio: its targets are written and checked, and nobody sees them before somebody approves. What became of it: proposal_history. A run that is proposed again has rows again.';
COMMENT ON COLUMN proposals.event_id IS 'Event with which it was proposed, see run_events.';
COMMENT ON COLUMN proposals.run_id IS 'Run that was proposed, see runs.';
COMMENT ON COLUMN proposals.portfolio_id IS 'Portfolio.';
COMMENT ON COLUMN proposals.reason IS 'Why approval is asked, in words; null: only for other portfolios of the run.';
COMMENT ON COLUMN proposals.needs_four_eyes IS 'Whether somebody else than proposed_by must approve.';
COMMENT ON COLUMN proposals.proposed_by IS 'Who or what asked for the run.';
COMMENT ON COLUMN proposals.proposed_at IS 'When it was proposed, UTC.';

CREATE TABLE halts (
    halt_id BIGINT PRIMARY KEY,
    portfolio_id VARCHAR,
    is_halted BOOLEAN NOT NULL,
    "by" VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    happened_at TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE halts IS 'One row per order to halt publication, or to lift a halt: of one portfolio or of all, which do not touch each other. What is halted now: halts_in_force.';
COMMENT ON COLUMN halts.halt_id IS 'Number of the order, rising in the order in which they were given.';
COMMENT ON COLUMN halts.portfolio_id IS 'Portfolio; null: all, those of tomorrow too.';
COMMENT ON COLUMN halts.is_halted IS 'Whether publication is halted from now on; false: the halts of the same portfolio_id are lifted.';
COMMENT ON COLUMN halts."by" IS 'Who gave the order.';
COMMENT ON COLUMN halts.reason IS 'Why, in words.';
COMMENT ON COLUMN halts.happened_at IS 'When, UTC; never before the order with the number below, even when the clock was set back.';

COMMENT ON TABLE targets IS 'One row per run, portfolio and asset, and one of CASH. Only runs that were published or proposed have rows.';
