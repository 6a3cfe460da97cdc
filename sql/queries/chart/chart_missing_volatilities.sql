-- Grain: one row per portfolio and asset of the runs named that a missing volatility keeps from being opened or sized: why
-- there is none, under the limits of its portfolio. Holdings first; of each portfolio the first ones, and how many there are.
-- Parameters: $run_ids VARCHAR[], $portfolio_ids VARCHAR[]: of these portfolios, $most_rows INTEGER.
WITH stopped AS (
    SELECT run_id, portfolio_id, asset, bucket, is_held, current_weight, score
    FROM decisions
    WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[]))
    AND portfolio_id IN (SELECT unnest($portfolio_ids::VARCHAR[]))
    AND (gate = 'no_volatility' OR kept_by = 'volatility_missing')
)
SELECT
    stopped.portfolio_id,
    stopped.run_id,
    stopped.asset,
    stopped.bucket,
    stopped.is_held,
    stopped.current_weight,
    risk_estimates.source,
    risk_estimates.missing_reason,
    risk_estimates.n_returns,
    risk_estimates.suspect_session,
    risk_estimates.min_observations,
    risk_estimates.window_days,
    count(*) OVER of_portfolio AS n_missing
FROM stopped
JOIN run_limits USING (run_id, portfolio_id)
JOIN risk_estimates
    ON risk_estimates.run_id = stopped.run_id
    AND risk_estimates.asset = stopped.asset
    AND risk_estimates.source = (run_limits.limits ->> 'volatility_source')
    AND (risk_estimates.source = 'prices' OR risk_estimates.model = (run_limits.limits ->> 'model'))
    AND coalesce(risk_estimates.half_life_days = (run_limits.limits ->> 'volatility_half_life_days')::INTEGER, true)
    AND coalesce(risk_estimates.window_days = (run_limits.limits ->> 'volatility_window_days')::INTEGER, true)
    AND coalesce(risk_estimates.min_observations = (run_limits.limits ->> 'min_observations')::INTEGER, true)
    AND coalesce(risk_estimates.max_plausible_return = (run_limits.limits ->> 'max_plausible_return')::DOUBLE, true)
WINDOW of_portfolio AS (PARTITION BY stopped.run_id, stopped.portfolio_id)
QUALIFY row_number() OVER (
    PARTITION BY stopped.run_id, stopped.portfolio_id
    ORDER BY NOT stopped.is_held, stopped.current_weight DESC, stopped.score DESC NULLS LAST, stopped.asset
) <= $most_rows
ORDER BY stopped.portfolio_id, NOT stopped.is_held, stopped.current_weight DESC, stopped.score DESC NULLS LAST, stopped.asset;
