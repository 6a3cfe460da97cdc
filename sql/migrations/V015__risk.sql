-- What volatility and correlation do to sizes, and the estimates that they rest on. Null in runs before V015, and where no
-- limit of the portfolio reads it.

CREATE TABLE risk_estimates (
    run_id VARCHAR NOT NULL,
    as_of_date DATE NOT NULL,
    source VARCHAR NOT NULL,
    model VARCHAR,
    half_life_days INTEGER,
    window_days INTEGER,
    min_observations INTEGER,
    max_plausible_return DOUBLE,
    asset VARCHAR NOT NULL,
    volatility DOUBLE,
    n_returns INTEGER,
    last_return_date DATE,
    missing_reason VARCHAR,
    suspect_session DATE
);
COMMENT ON TABLE risk_estimates IS 'One row per run, set of parameters that a portfolio of it reads, and asset that is scored or held: the volatility, or why there is none. None where no limit reads volatility.';
COMMENT ON COLUMN risk_estimates.run_id IS 'Run that read it, see runs.';
COMMENT ON COLUMN risk_estimates.as_of_date IS 'Trading day, exchange date: the newest session that counts.';
COMMENT ON COLUMN risk_estimates.source IS 'Limit volatility_source: prices (estimated from returns) or scores (came with them).';
COMMENT ON COLUMN risk_estimates.model IS 'Model whose scores it came with; null: from prices.';
COMMENT ON COLUMN risk_estimates.half_life_days IS 'Limit volatility_half_life_days, sessions; null: from scores.';
COMMENT ON COLUMN risk_estimates.window_days IS 'Limit volatility_window_days, sessions; null: from scores.';
COMMENT ON COLUMN risk_estimates.min_observations IS 'Limit min_observations, returns; null: from scores.';
COMMENT ON COLUMN risk_estimates.max_plausible_return IS 'Limit max_plausible_return, fraction; null: from scores.';
COMMENT ON COLUMN risk_estimates.asset IS 'Asset that is scored or held.';
COMMENT ON COLUMN risk_estimates.volatility IS 'Volatility of a year of 252 sessions, a fraction (0.2 = 20 %), to 1e-8; null: there is none.';
COMMENT ON COLUMN risk_estimates.n_returns IS 'Returns in the window, count; null: from scores.';
COMMENT ON COLUMN risk_estimates.last_return_date IS 'Session of the newest return, exchange date; null: no return, or from scores.';
COMMENT ON COLUMN risk_estimates.missing_reason IS 'Why there is no volatility: no_returns (or none came with the score), suspect_return, too_few_returns, old_returns, flat_prices, implausible (came with the score, above 5); null: there is one.';
COMMENT ON COLUMN risk_estimates.suspect_session IS 'Newest session whose return is suspect, exchange date; null: none is.';

-- Estimates are of no portfolio.
ALTER TABLE replay_differences ALTER COLUMN portfolio_id DROP NOT NULL;
COMMENT ON COLUMN replay_differences.portfolio_id IS 'Portfolio; null: of no portfolio, as risk_estimates are.';
COMMENT ON COLUMN replay_differences.table_name IS 'Table of the run: decisions, sizing_audit, sizing_summary, targets, trade_summary, constraint_checks, lifecycle, risk_estimates, orders; or inputs.';

ALTER TABLE sizing_audit ADD COLUMN volatility DOUBLE;
ALTER TABLE sizing_audit ADD COLUMN n_returns INTEGER;
ALTER TABLE sizing_audit ADD COLUMN volatility_multiplier DOUBLE;
ALTER TABLE sizing_audit ADD COLUMN crowding DOUBLE;
ALTER TABLE sizing_audit ADD COLUMN crowding_multiplier DOUBLE;
ALTER TABLE sizing_audit ADD COLUMN moves_with VARCHAR;
ALTER TABLE sizing_audit ADD COLUMN position_cap DECIMAL(10, 8);
ALTER TABLE sizing_audit ADD COLUMN risk_share DOUBLE;
COMMENT ON COLUMN sizing_audit.volatility IS 'Volatility of a year of 252 sessions, a fraction (0.2 = 20 %), to 1e-8. Null: no limit of the portfolio reads it, a locked holding without one, or a run before V015.';
COMMENT ON COLUMN sizing_audit.n_returns IS 'Returns that the volatility rests on, count. Null: it came with the score, none is read, or a run before V015.';
COMMENT ON COLUMN sizing_audit.volatility_multiplier IS 'What the volatility multiplies the size by, a number. Null: volatility_mode is none, the name is pinned, or a run before V015.';
COMMENT ON COLUMN sizing_audit.crowding IS 'How many names'' worth of risk the name and what moves with it are, in names; 1: it moves with no other. Null: correlation_mode is none, no volatility, or a run before V015.';
COMMENT ON COLUMN sizing_audit.crowding_multiplier IS 'What crowding multiplies the size by, a number. Null: correlation_mode is none, the name is pinned, or a run before V015.';
COMMENT ON COLUMN sizing_audit.moves_with IS 'Selected names that it moves with most, with their correlations, in [-1, 1]. Null: there is none, correlation_mode is none, or a run before V015.';
COMMENT ON COLUMN sizing_audit.position_cap IS 'Largest weight that max_single_position and max_position_risk leave it, fraction of the portfolio value, exact. Null: no max_position_risk, the name is pinned, or a run before V015.';
COMMENT ON COLUMN sizing_audit.risk_share IS 'Part of the volatility of the targets that comes from the position, fraction; they add up to 1. Null: no position, no volatility, none of the portfolio, or a run before V015.';
COMMENT ON COLUMN sizing_audit.stage1_cap IS 'What capped stage 1: position, risk (max_position_risk) or bucket; null when nothing did.';
COMMENT ON COLUMN sizing_audit.stage2_cap IS 'What capped stage 2: position, risk (max_position_risk) or bucket; null when nothing did.';
COMMENT ON COLUMN sizing_audit.residual_limit IS 'What limited the residual: position_cap, risk, bucket_cap, max_residual_per_asset, max_residual_multiple; null: it was spent.';
COMMENT ON COLUMN sizing_audit.drop_reason IS 'no_size, below_min_position_size, max_position_risk (its cap is below the minimum) or target_volatility (scaled down to nothing); null when the asset has a size.';

COMMENT ON COLUMN decisions.gate IS 'First rule that stopped it, a word of docs/selection.md 2, or no_volatility: a limit reads the volatility, and there is none; null when selected.';

ALTER TABLE sizing_summary ADD COLUMN reference_volatility DOUBLE;
ALTER TABLE sizing_summary ADD COLUMN unscaled_volatility DOUBLE;
ALTER TABLE sizing_summary ADD COLUMN portfolio_volatility DOUBLE;
ALTER TABLE sizing_summary ADD COLUMN risk_scale DOUBLE;
ALTER TABLE sizing_summary ADD COLUMN n_sessions INTEGER;
ALTER TABLE sizing_summary ADD COLUMN n_unknown_correlations INTEGER;
COMMENT ON COLUMN sizing_summary.reference_volatility IS 'Volatility of the multiplier 1: the limit, or the median of the selected names that are not pinned, a year, fraction. Null: volatility_mode is none, or a run before V015.';
COMMENT ON COLUMN sizing_summary.unscaled_volatility IS 'Volatility of the weights before they were scaled, a year, fraction. Null: no limit reads returns, too few complete sessions, or a run before V015.';
COMMENT ON COLUMN sizing_summary.portfolio_volatility IS 'Volatility of the targets, a year, fraction: names without a volatility are left out. Null as unscaled_volatility.';
COMMENT ON COLUMN sizing_summary.risk_scale IS 'What target_volatility multiplies the positions by that are not pinned, in [0, 1]. Null: no target_volatility, or a run before V015.';
COMMENT ON COLUMN sizing_summary.n_sessions IS 'Sessions in which every position with a volatility has a return, count. Null as unscaled_volatility, but there where they are too few.';
COMMENT ON COLUMN sizing_summary.n_unknown_correlations IS 'Pairs of selected names with too few common sessions: they count as the mean of the others, count. Null: correlation_mode is none, or a run before V015.';
