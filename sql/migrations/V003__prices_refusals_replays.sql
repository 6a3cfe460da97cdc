-- Prices, files that were refused whole, and what replays found. An earlier ingest keeps null as its refusal: it counts.

CREATE TABLE prices (
    ingest_id BIGINT NOT NULL,
    row_number INTEGER NOT NULL,
    as_of_date DATE NOT NULL,
    asset VARCHAR NOT NULL,
    close DOUBLE NOT NULL
);
COMMENT ON TABLE prices IS 'One row per ingest, day and asset. The newest ingest of an as_of_date counts, as a whole.';
COMMENT ON COLUMN prices.ingest_id IS 'Ingest that the row came with, see ingests.';
COMMENT ON COLUMN prices.row_number IS 'Place of the row in its source; 1 is the first data row.';
COMMENT ON COLUMN prices.as_of_date IS 'Trading day of the price, exchange date.';
COMMENT ON COLUMN prices.asset IS 'Asset that is priced.';
COMMENT ON COLUMN prices.close IS 'Closing price as the source gives it, in its currency.';

ALTER TABLE ingests ADD COLUMN refusal VARCHAR;
COMMENT ON COLUMN ingests.refusal IS 'Why the content was refused whole, in words: it counts for nothing, and every row of it that could be read is in rejects. Null: it was accepted.';

CREATE TABLE replays (
    replay_id BIGINT PRIMARY KEY,
    run_id VARCHAR NOT NULL,
    replayed_at TIMESTAMPTZ NOT NULL,
    "by" VARCHAR NOT NULL,
    code_fingerprint VARCHAR NOT NULL,
    is_identical BOOLEAN NOT NULL,
    n_differences BIGINT NOT NULL
);
COMMENT ON TABLE replays IS 'One row per replay: a published run computed again from its stored inputs and config.';
COMMENT ON COLUMN replays.replay_id IS 'Number of the replay, rising.';
COMMENT ON COLUMN replays.run_id IS 'Run that was computed again, see runs.';
COMMENT ON COLUMN replays.replayed_at IS 'When, UTC.';
COMMENT ON COLUMN replays."by" IS 'Who or what asked for it.';
COMMENT ON COLUMN replays.code_fingerprint IS 'Hash of the code that replayed; another one than that of the run may explain differences.';
COMMENT ON COLUMN replays.is_identical IS 'Whether every value of every table of the run came out the same.';
COMMENT ON COLUMN replays.n_differences IS 'Values that differ, count: rows of replay_differences.';

CREATE TABLE replay_differences (
    replay_id BIGINT NOT NULL,
    table_name VARCHAR NOT NULL,
    portfolio_id VARCHAR NOT NULL,
    row_key VARCHAR,
    column_name VARCHAR,
    published VARCHAR,
    replayed VARCHAR
);
COMMENT ON TABLE replay_differences IS 'One row per value that a replay computed differently.';
COMMENT ON COLUMN replay_differences.replay_id IS 'Replay that found it, see replays.';
COMMENT ON COLUMN replay_differences.table_name IS 'Table of the run: decisions, sizing_audit, sizing_summary, targets, constraint_checks.';
COMMENT ON COLUMN replay_differences.portfolio_id IS 'Portfolio.';
COMMENT ON COLUMN replay_differences.row_key IS 'Asset, or name of the constraint; null for a row of a whole portfolio.';
COMMENT ON COLUMN replay_differences.column_name IS 'Column that differs; null when the whole row is missing on one side.';
COMMENT ON COLUMN replay_differences.published IS 'Value that was published, as text; null: none, or no such row.';
COMMENT ON COLUMN replay_differences.replayed IS 'Value that the replay gives, as text; null: none, or no such row.';
