-- The foundation: what came in, what was computed, what happened. Rows are appended, never updated.
-- No indexes (they can lose rows after a crash), no foreign keys (COPY FROM DATABASE fails on them),
-- primary keys only where a table stays small; sql/checks prove the uniqueness of the others.
-- CHECK constraints guard vocabularies only; rules about numbers are in sql/checks, which say which row failed.

CREATE TABLE schema_migrations (
    version VARCHAR PRIMARY KEY,
    name VARCHAR NOT NULL,
    checksum VARCHAR NOT NULL,
    applied_at TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE schema_migrations IS 'One row per applied migration file.';
COMMENT ON COLUMN schema_migrations.version IS 'Number of the migration, V001 and up, applied in this order.';
COMMENT ON COLUMN schema_migrations.name IS 'File name of the migration without .sql.';
COMMENT ON COLUMN schema_migrations.checksum IS 'SHA-256 of the file when it was applied, hexadecimal. An edited file is refused.';
COMMENT ON COLUMN schema_migrations.applied_at IS 'When it was applied, UTC.';

CREATE TABLE recoveries (
    recovered_at TIMESTAMPTZ PRIMARY KEY,
    wal_bytes BIGINT NOT NULL
);
COMMENT ON TABLE recoveries IS 'One row per opening of the file after an unclean stop.';
COMMENT ON COLUMN recoveries.recovered_at IS 'When the file was opened and its log replayed, UTC.';
COMMENT ON COLUMN recoveries.wal_bytes IS 'Size of the write-ahead log that was found, bytes.';

CREATE TABLE ingests (
    ingest_id BIGINT PRIMARY KEY,
    kind VARCHAR NOT NULL CHECK (kind IN ('scores', 'assets', 'positions', 'restrictions', 'prices')),
    source VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    as_of_date DATE NOT NULL,
    rows_read INTEGER NOT NULL,
    rows_accepted INTEGER NOT NULL CHECK (rows_accepted >= 0),
    rows_rejected INTEGER NOT NULL CHECK (rows_rejected >= 0),
    ingested_at TIMESTAMPTZ NOT NULL,
    CHECK (rows_read = rows_accepted + rows_rejected)
);
COMMENT ON TABLE ingests IS 'One row per file or table read. The same content twice in a row is one ingest; the newest ingest of a kind and day counts.';
COMMENT ON COLUMN ingests.ingest_id IS 'Number of the ingest, rising; the higher one is the newer one.';
COMMENT ON COLUMN ingests.kind IS 'What was read: scores, assets, positions, restrictions, prices.';
COMMENT ON COLUMN ingests.source IS 'Path, address or query that was read.';
COMMENT ON COLUMN ingests.sha256 IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN ingests.as_of_date IS 'Trading day that the content describes, exchange date.';
COMMENT ON COLUMN ingests.rows_read IS 'Data rows read: accepted and rejected together.';
COMMENT ON COLUMN ingests.rows_accepted IS 'Rows stored in the table of this kind.';
COMMENT ON COLUMN ingests.rows_rejected IS 'Rows refused, stored in rejects.';
COMMENT ON COLUMN ingests.ingested_at IS 'When the rows became visible, UTC.';

CREATE TABLE rejects (
    ingest_id BIGINT NOT NULL,
    row_number INTEGER NOT NULL,
    row_json JSON NOT NULL,
    rule VARCHAR NOT NULL,
    reason VARCHAR NOT NULL
);
COMMENT ON TABLE rejects IS 'One row per refused row of an ingest.';
COMMENT ON COLUMN rejects.ingest_id IS 'Ingest that the row came with, see ingests.';
COMMENT ON COLUMN rejects.row_number IS 'Place of the row in its source; 1 is the first data row.';
COMMENT ON COLUMN rejects.row_json IS 'The row as it was read, JSON object of column name to value.';
COMMENT ON COLUMN rejects.rule IS 'Name of the rule that the row broke.';
COMMENT ON COLUMN rejects.reason IS 'The rule in words.';

CREATE TABLE scores (
    ingest_id BIGINT NOT NULL,
    row_number INTEGER NOT NULL,
    as_of_date DATE NOT NULL,
    model VARCHAR NOT NULL,
    asset VARCHAR NOT NULL,
    score DOUBLE,
    technical_score DOUBLE,
    fundamental_score DOUBLE,
    volatility DOUBLE,
    CHECK (score IS NOT NULL OR technical_score IS NOT NULL OR fundamental_score IS NOT NULL)
);
COMMENT ON TABLE scores IS 'One row per ingest, model and asset. The newest ingest of an as_of_date counts, as a whole.';
COMMENT ON COLUMN scores.ingest_id IS 'Ingest that the row came with, see ingests.';
COMMENT ON COLUMN scores.row_number IS 'Place of the row in its source; 1 is the first data row.';
COMMENT ON COLUMN scores.as_of_date IS 'Trading day that the score describes, exchange date.';
COMMENT ON COLUMN scores.model IS 'Scoring model that made the score.';
COMMENT ON COLUMN scores.asset IS 'Asset that is scored.';
COMMENT ON COLUMN scores.score IS 'Combined score in [0, 1]; null when only parts came.';
COMMENT ON COLUMN scores.technical_score IS 'Technical part of the score in [0, 1]; null when it did not come.';
COMMENT ON COLUMN scores.fundamental_score IS 'Fundamental part of the score in [0, 1]; null when it did not come.';
COMMENT ON COLUMN scores.volatility IS 'Volatility as the source gives it, a fraction (0.2 = 20 %); null when it did not come.';

CREATE TABLE assets (
    ingest_id BIGINT NOT NULL,
    row_number INTEGER NOT NULL,
    asset VARCHAR NOT NULL,
    bucket VARCHAR NOT NULL
);
COMMENT ON TABLE assets IS 'One row per ingest and asset.';
COMMENT ON COLUMN assets.ingest_id IS 'Ingest that the row came with, see ingests.';
COMMENT ON COLUMN assets.row_number IS 'Place of the row in its source; 1 is the first data row.';
COMMENT ON COLUMN assets.asset IS 'Asset.';
COMMENT ON COLUMN assets.bucket IS 'Bucket that the asset belongs to, for diversification.';

CREATE TABLE positions (
    ingest_id BIGINT NOT NULL,
    row_number INTEGER NOT NULL,
    as_of_date DATE NOT NULL,
    portfolio_id VARCHAR NOT NULL,
    asset VARCHAR NOT NULL,
    current_weight DECIMAL(10, 8) NOT NULL
);
COMMENT ON TABLE positions IS 'One row per ingest, day, portfolio and asset held. Cash is not a position.';
COMMENT ON COLUMN positions.ingest_id IS 'Ingest that the row came with, see ingests.';
COMMENT ON COLUMN positions.row_number IS 'Place of the row in its source; 1 is the first data row.';
COMMENT ON COLUMN positions.as_of_date IS 'Day of the holding, exchange date.';
COMMENT ON COLUMN positions.portfolio_id IS 'Portfolio that holds the asset.';
COMMENT ON COLUMN positions.asset IS 'Asset held.';
COMMENT ON COLUMN positions.current_weight IS 'Weight held, fraction of the portfolio value.';

CREATE TABLE restrictions (
    ingest_id BIGINT NOT NULL,
    row_number INTEGER NOT NULL,
    portfolio_id VARCHAR,
    asset VARCHAR NOT NULL,
    restriction VARCHAR NOT NULL CHECK (restriction IN ('no_buy', 'no_trade', 'must_sell')),
    reason VARCHAR,
    valid_from DATE,
    valid_until DATE
);
COMMENT ON TABLE restrictions IS 'One row per ingest, restriction, asset and portfolio (or all). The newest ingest up to a day counts, as a whole.';
COMMENT ON COLUMN restrictions.ingest_id IS 'Ingest that the row came with, see ingests.';
COMMENT ON COLUMN restrictions.row_number IS 'Place of the row in its source; 1 is the first data row.';
COMMENT ON COLUMN restrictions.portfolio_id IS 'Portfolio that is restricted; null: all.';
COMMENT ON COLUMN restrictions.asset IS 'Asset that is restricted.';
COMMENT ON COLUMN restrictions.restriction IS 'no_buy, no_trade or must_sell.';
COMMENT ON COLUMN restrictions.reason IS 'Why, in words.';
COMMENT ON COLUMN restrictions.valid_from IS 'First day it holds, exchange date; null: since ever.';
COMMENT ON COLUMN restrictions.valid_until IS 'Last day it holds, exchange date; null: until further notice.';

CREATE TABLE runs (
    run_id VARCHAR PRIMARY KEY,
    as_of_date DATE NOT NULL,
    portfolio_ids VARCHAR[] NOT NULL,
    input_fingerprint VARCHAR NOT NULL,
    config_fingerprint VARCHAR NOT NULL,
    code_fingerprint VARCHAR NOT NULL,
    config JSON NOT NULL,
    inputs JSON NOT NULL,
    flow_run_id VARCHAR,
    created_at TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE runs IS 'One row per run: one computation of one day. Never changed; what happened to it is in run_events.';
COMMENT ON COLUMN runs.run_id IS 'Name of the run; the same day, inputs, config and code give the same run.';
COMMENT ON COLUMN runs.as_of_date IS 'Trading day that was computed, exchange date.';
COMMENT ON COLUMN runs.portfolio_ids IS 'Portfolios that the run covers.';
COMMENT ON COLUMN runs.input_fingerprint IS 'Hash of everything that was read.';
COMMENT ON COLUMN runs.config_fingerprint IS 'Hash of the config.';
COMMENT ON COLUMN runs.code_fingerprint IS 'Hash of the code.';
COMMENT ON COLUMN runs.config IS 'Config used, JSON: {"portfolios": {portfolio_id: every limit}}.';
COMMENT ON COLUMN runs.inputs IS 'Inputs used, JSON: which ingests and runs were read.';
COMMENT ON COLUMN runs.flow_run_id IS 'Prefect flow run that created the run; null outside Prefect.';
COMMENT ON COLUMN runs.created_at IS 'When the run was first recorded, UTC.';

CREATE TABLE run_events (
    event_id BIGINT PRIMARY KEY,
    run_id VARCHAR NOT NULL,
    state VARCHAR NOT NULL CHECK (
        state IN ('started', 'held', 'failed', 'rejected', 'proposed', 'approved', 'published', 'superseded', 'unchanged')
    ),
    happened_at TIMESTAMPTZ NOT NULL,
    "by" VARCHAR NOT NULL,
    reason VARCHAR NOT NULL
);
COMMENT ON TABLE run_events IS 'One row per thing that happened to a run. The last row other than unchanged is its state: run_states.';
COMMENT ON COLUMN run_events.event_id IS 'Number of the event, rising in the order in which things happened.';
COMMENT ON COLUMN run_events.run_id IS 'Run that it happened to, see runs.';
COMMENT ON COLUMN run_events.state IS 'started, held, failed, rejected, proposed, approved, published, superseded, or unchanged (a repetition found nothing to do).';
COMMENT ON COLUMN run_events.happened_at IS 'When, UTC; never before the event with the number below, even when the clock was set back.';
COMMENT ON COLUMN run_events."by" IS 'Who or what did it.';
COMMENT ON COLUMN run_events.reason IS 'Why, in words.';

CREATE TABLE decisions (
    run_id VARCHAR NOT NULL,
    portfolio_id VARCHAR NOT NULL,
    asset VARCHAR NOT NULL,
    bucket VARCHAR NOT NULL,
    score DOUBLE,
    score_date DATE,
    score_age_days INTEGER,
    has_partial_score BOOLEAN NOT NULL,
    is_score_stale BOOLEAN NOT NULL,
    is_held BOOLEAN NOT NULL,
    current_weight DECIMAL(10, 8) NOT NULL,
    restriction VARCHAR CHECK (restriction IN ('no_buy', 'no_trade', 'must_sell')),
    candidate_rank INTEGER,
    bucket_rank INTEGER,
    is_pinned BOOLEAN NOT NULL,
    is_selected BOOLEAN NOT NULL,
    gate VARCHAR,
    decision_reason VARCHAR NOT NULL
);
COMMENT ON TABLE decisions IS 'One row per run, portfolio and candidate, selected or not.';
COMMENT ON COLUMN decisions.run_id IS 'Run that decided, see runs.';
COMMENT ON COLUMN decisions.portfolio_id IS 'Portfolio.';
COMMENT ON COLUMN decisions.asset IS 'Candidate: held or scored.';
COMMENT ON COLUMN decisions.bucket IS 'Bucket of the asset.';
COMMENT ON COLUMN decisions.score IS 'Score that was used, in [0, 1]; null when there is none.';
COMMENT ON COLUMN decisions.score_date IS 'Day of the score that was used, exchange date; null when there is none.';
COMMENT ON COLUMN decisions.score_age_days IS 'Age of the score, trading days; null when there is none.';
COMMENT ON COLUMN decisions.has_partial_score IS 'Whether the score was made from only a part of its parts.';
COMMENT ON COLUMN decisions.is_score_stale IS 'Whether the score is too old to act on; the weight is then frozen.';
COMMENT ON COLUMN decisions.is_held IS 'Whether the portfolio holds the asset now.';
COMMENT ON COLUMN decisions.current_weight IS 'Weight held now, fraction of the portfolio value; 0 when not held.';
COMMENT ON COLUMN decisions.restriction IS 'no_buy, no_trade or must_sell; null when unrestricted.';
COMMENT ON COLUMN decisions.candidate_rank IS 'Rank by score, then name, among all candidates of the portfolio, 1 is the best; null without a score.';
COMMENT ON COLUMN decisions.bucket_rank IS 'Rank by score in the bucket, 1 is the best; null without a rank.';
COMMENT ON COLUMN decisions.is_pinned IS 'Holding whose weight is frozen: its score is missing or too old, or it may not be traded.';
COMMENT ON COLUMN decisions.is_selected IS 'Whether the candidate goes to the sizing.';
COMMENT ON COLUMN decisions.gate IS 'Reason code of the gate that stopped it; null when selected.';
COMMENT ON COLUMN decisions.decision_reason IS 'The decision in words, with what would have changed it.';

CREATE TABLE sizing_audit (
    run_id VARCHAR NOT NULL,
    portfolio_id VARCHAR NOT NULL,
    asset VARCHAR NOT NULL,
    bucket VARCHAR NOT NULL,
    score DOUBLE,
    is_held BOOLEAN NOT NULL,
    pinned_weight DOUBLE,
    score_rank INTEGER,
    size_category VARCHAR,
    score_multiplier DOUBLE,
    raw_weight DOUBLE,
    stage1_weight DOUBLE,
    stage1_cap VARCHAR,
    stage2_weight DOUBLE,
    stage2_cap VARCHAR,
    residual_weight DOUBLE,
    residual_limit VARCHAR,
    target_weight DECIMAL(10, 8) NOT NULL,
    drop_reason VARCHAR,
    sizing_reason VARCHAR NOT NULL
);
COMMENT ON TABLE sizing_audit IS 'One row per run, portfolio and selected asset, dropped ones too. Stage columns are null where a stage did not apply.';
COMMENT ON COLUMN sizing_audit.run_id IS 'Run that sized, see runs.';
COMMENT ON COLUMN sizing_audit.portfolio_id IS 'Portfolio.';
COMMENT ON COLUMN sizing_audit.asset IS 'Selected asset.';
COMMENT ON COLUMN sizing_audit.bucket IS 'Bucket of the asset.';
COMMENT ON COLUMN sizing_audit.score IS 'Score that was used, in [0, 1]; null for a pinned holding without one.';
COMMENT ON COLUMN sizing_audit.is_held IS 'Whether the portfolio holds the asset now.';
COMMENT ON COLUMN sizing_audit.pinned_weight IS 'Weight at which the holding is frozen, fraction; null when the sizer chooses.';
COMMENT ON COLUMN sizing_audit.score_rank IS 'Rank by score, then name, 1 is the best.';
COMMENT ON COLUMN sizing_audit.size_category IS 'Tier of the score, or pinned.';
COMMENT ON COLUMN sizing_audit.score_multiplier IS 'Multiple of the base size, a number; incumbent bias included.';
COMMENT ON COLUMN sizing_audit.raw_weight IS 'Raw weight before any cap, fraction of the portfolio value.';
COMMENT ON COLUMN sizing_audit.stage1_weight IS 'Weight after stage 1 (cap), fraction of the portfolio value.';
COMMENT ON COLUMN sizing_audit.stage1_cap IS 'What capped stage 1: position or bucket; null when nothing did.';
COMMENT ON COLUMN sizing_audit.stage2_weight IS 'Weight after stage 2 (normalise the remainder), fraction of the portfolio value.';
COMMENT ON COLUMN sizing_audit.stage2_cap IS 'What capped stage 2: position or bucket; null when nothing did.';
COMMENT ON COLUMN sizing_audit.residual_weight IS 'Residual weight that the position received, fraction of the portfolio value.';
COMMENT ON COLUMN sizing_audit.residual_limit IS 'What limited the residual: position_cap, bucket_cap, max_residual_per_asset, max_residual_multiple; null: it was spent.';
COMMENT ON COLUMN sizing_audit.target_weight IS 'Final weight, fraction of the portfolio value, exact.';
COMMENT ON COLUMN sizing_audit.drop_reason IS 'no_size or below_min_position_size; null when the asset has a size.';
COMMENT ON COLUMN sizing_audit.sizing_reason IS 'The size in words.';

CREATE TABLE sizing_summary (
    run_id VARCHAR NOT NULL,
    portfolio_id VARCHAR NOT NULL,
    n_selected INTEGER NOT NULL,
    n_sized INTEGER NOT NULL,
    n_dropped INTEGER NOT NULL,
    target_total_allocation DECIMAL(10, 8) NOT NULL,
    raw_total DOUBLE,
    stage1_total DOUBLE,
    stage1_capped_count INTEGER,
    stage2_total DOUBLE,
    stage2_capped_count INTEGER,
    residual DOUBLE,
    residual_placed DOUBLE,
    residual_strategy VARCHAR,
    invested_weight DECIMAL(10, 8) NOT NULL,
    cash_weight DECIMAL(10, 8) NOT NULL,
    allocation_efficiency DOUBLE,
    effective_positions DOUBLE,
    largest_weight DOUBLE,
    reachable_weight DOUBLE,
    binding_limit VARCHAR,
    relaxation VARCHAR
);
COMMENT ON TABLE sizing_summary IS 'One row per run and portfolio. Stage columns are null where a stage did not apply.';
COMMENT ON COLUMN sizing_summary.run_id IS 'Run that sized, see runs.';
COMMENT ON COLUMN sizing_summary.portfolio_id IS 'Portfolio.';
COMMENT ON COLUMN sizing_summary.n_selected IS 'Assets selected, count.';
COMMENT ON COLUMN sizing_summary.n_sized IS 'Assets with a size, count.';
COMMENT ON COLUMN sizing_summary.n_dropped IS 'Assets dropped by the sizing, count.';
COMMENT ON COLUMN sizing_summary.target_total_allocation IS 'What positions and cash make up together, fraction of the portfolio value, exact.';
COMMENT ON COLUMN sizing_summary.raw_total IS 'Sum of the raw weights, fraction of the portfolio value.';
COMMENT ON COLUMN sizing_summary.stage1_total IS 'Sum after stage 1, fraction of the portfolio value.';
COMMENT ON COLUMN sizing_summary.stage1_capped_count IS 'Positions capped in stage 1, count.';
COMMENT ON COLUMN sizing_summary.stage2_total IS 'Sum after stage 2, fraction of the portfolio value.';
COMMENT ON COLUMN sizing_summary.stage2_capped_count IS 'Positions capped in stage 2, count.';
COMMENT ON COLUMN sizing_summary.residual IS 'Weight that the caps left over, fraction of the portfolio value.';
COMMENT ON COLUMN sizing_summary.residual_placed IS 'Part of the residual that was placed, fraction of the portfolio value.';
COMMENT ON COLUMN sizing_summary.residual_strategy IS 'Strategy that placed it: safe_top_slice, proportional, cash_bucket.';
COMMENT ON COLUMN sizing_summary.invested_weight IS 'Sum of the positions, fraction of the portfolio value, exact.';
COMMENT ON COLUMN sizing_summary.cash_weight IS 'Cash, fraction of the portfolio value, exact.';
COMMENT ON COLUMN sizing_summary.allocation_efficiency IS 'invested_weight / target_total_allocation, a number.';
COMMENT ON COLUMN sizing_summary.effective_positions IS 'Effective number of positions: 1 / sum of squared normalised weights; null when nothing is invested.';
COMMENT ON COLUMN sizing_summary.largest_weight IS 'Largest position, fraction of the portfolio value.';
COMMENT ON COLUMN sizing_summary.reachable_weight IS 'Largest sum that the limits allow, fraction of the portfolio value.';
COMMENT ON COLUMN sizing_summary.binding_limit IS 'Limit that keeps the sum below the target; null when none does.';
COMMENT ON COLUMN sizing_summary.relaxation IS 'Cheapest single change of a limit that would place all; null when nothing is left over.';

CREATE TABLE targets (
    run_id VARCHAR NOT NULL,
    as_of_date DATE NOT NULL,
    portfolio_id VARCHAR NOT NULL,
    asset VARCHAR NOT NULL,
    bucket VARCHAR,
    is_cash BOOLEAN NOT NULL,
    target_weight DECIMAL(10, 8) NOT NULL,
    current_weight DECIMAL(10, 8) NOT NULL,
    trade_weight DECIMAL(10, 8) NOT NULL,
    action VARCHAR NOT NULL CHECK (action IN ('open', 'increase', 'decrease', 'close', 'hold')),
    trade_rank INTEGER,
    is_pinned BOOLEAN NOT NULL,
    is_score_stale BOOLEAN NOT NULL,
    target_reason VARCHAR NOT NULL
);
COMMENT ON TABLE targets IS 'One row per run, portfolio and asset, and one of CASH. Only published runs have rows.';
COMMENT ON COLUMN targets.run_id IS 'Run that computed the target, see runs.';
COMMENT ON COLUMN targets.as_of_date IS 'Trading day, exchange date.';
COMMENT ON COLUMN targets.portfolio_id IS 'Portfolio.';
COMMENT ON COLUMN targets.asset IS 'Asset, or CASH.';
COMMENT ON COLUMN targets.bucket IS 'Bucket of the asset; null for CASH.';
COMMENT ON COLUMN targets.is_cash IS 'Whether the row is the cash row.';
COMMENT ON COLUMN targets.target_weight IS 'Weight to hold, fraction of the portfolio value, exact; 0 when the holding is closed.';
COMMENT ON COLUMN targets.current_weight IS 'Weight held now, fraction of the portfolio value.';
COMMENT ON COLUMN targets.trade_weight IS 'Weight to trade, fraction of the portfolio value, negative for a sale; 0 for a hold.';
COMMENT ON COLUMN targets.action IS 'open, increase, decrease, close or hold.';
COMMENT ON COLUMN targets.trade_rank IS 'Order of the trades, 1 first, sales before purchases; null when nothing is traded.';
COMMENT ON COLUMN targets.is_pinned IS 'Whether the weight is frozen.';
COMMENT ON COLUMN targets.is_score_stale IS 'Whether the score is too old to act on.';
COMMENT ON COLUMN targets.target_reason IS 'The target in words.';

CREATE TABLE constraint_checks (
    run_id VARCHAR NOT NULL,
    portfolio_id VARCHAR NOT NULL,
    constraint_name VARCHAR NOT NULL,
    limit_value DOUBLE,
    value DOUBLE,
    slack DOUBLE,
    is_binding BOOLEAN NOT NULL,
    is_ok BOOLEAN NOT NULL
);
COMMENT ON TABLE constraint_checks IS 'One row per run, portfolio and constraint.';
COMMENT ON COLUMN constraint_checks.run_id IS 'Run that was checked, see runs.';
COMMENT ON COLUMN constraint_checks.portfolio_id IS 'Portfolio.';
COMMENT ON COLUMN constraint_checks.constraint_name IS 'Name of the constraint.';
COMMENT ON COLUMN constraint_checks.limit_value IS 'The limit, in the unit of the constraint.';
COMMENT ON COLUMN constraint_checks.value IS 'The value reached, in the unit of the constraint.';
COMMENT ON COLUMN constraint_checks.slack IS 'Distance from the value to the limit, negative when broken, in the unit of the constraint.';
COMMENT ON COLUMN constraint_checks.is_binding IS 'Whether the value is at its limit.';
COMMENT ON COLUMN constraint_checks.is_ok IS 'Whether the constraint holds.';
