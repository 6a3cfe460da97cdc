-- Failures: sized names whose volatility is not the estimate that their portfolio reads, new names without one that are
-- opened, and names that a missing volatility stops or keeps although there is one, or none is read.
-- Since: V015. Parameters: $run_id VARCHAR.
WITH reading AS (
    SELECT
        portfolio_id,
        limits ->> 'volatility_source' AS source,
        source = 'scores' AS is_from_scores,
        if(is_from_scores, limits ->> 'model', NULL) AS model,
        if(is_from_scores, NULL, (limits ->> 'volatility_half_life_days')::INTEGER) AS half_life_days,
        if(is_from_scores, NULL, (limits ->> 'volatility_window_days')::INTEGER) AS window_days,
        if(is_from_scores, NULL, (limits ->> 'min_observations')::INTEGER) AS min_observations,
        if(is_from_scores, NULL, (limits ->> 'max_plausible_return')::DOUBLE) AS max_plausible_return
    FROM run_limits
    WHERE run_id = $run_id AND reads_volatility
),
estimated AS (
    SELECT
        reading.portfolio_id,
        risk_estimates.asset,
        risk_estimates.volatility AS estimate,
        risk_estimates.n_returns AS estimated_returns
    FROM reading
    JOIN risk_estimates
        ON risk_estimates.source = reading.source
        AND risk_estimates.model IS NOT DISTINCT FROM reading.model
        AND risk_estimates.half_life_days IS NOT DISTINCT FROM reading.half_life_days
        AND risk_estimates.window_days IS NOT DISTINCT FROM reading.window_days
        AND risk_estimates.min_observations IS NOT DISTINCT FROM reading.min_observations
        AND risk_estimates.max_plausible_return IS NOT DISTINCT FROM reading.max_plausible_return
    WHERE risk_estimates.run_id = $run_id
),
decided AS (
    SELECT portfolio_id, asset, is_selected, is_held, coalesce(gate, '') AS gate, coalesce(kept_by, '') AS kept_by
    FROM decisions
    WHERE run_id = $run_id AND (is_selected OR gate = 'no_volatility' OR kept_by = 'volatility_missing')
),
sized AS (
    SELECT portfolio_id, asset, volatility, n_returns FROM sizing_audit WHERE run_id = $run_id
)
SELECT
    portfolio_id,
    format(
        '{} has volatility {} of {} returns, estimated is {} of {}; is_selected {}, is_held {}, gate {}, kept_by {}',
        asset,
        coalesce(volatility::VARCHAR, 'null'),
        coalesce(n_returns::VARCHAR, 'null'),
        coalesce(estimate::VARCHAR, 'null'),
        coalesce(estimated_returns::VARCHAR, 'null'),
        is_selected::VARCHAR,
        is_held::VARCHAR,
        if(gate = '', 'null', gate),
        if(kept_by = '', 'null', kept_by)
    ) AS detail
FROM decided
LEFT JOIN sized USING (portfolio_id, asset)
LEFT JOIN estimated USING (portfolio_id, asset)
LEFT JOIN (SELECT portfolio_id, true AS is_reading FROM reading) AS readers USING (portfolio_id)
WHERE (is_selected AND volatility IS DISTINCT FROM estimate)
OR (is_selected AND n_returns IS DISTINCT FROM estimated_returns)
OR (is_selected AND NOT is_held AND estimate IS NULL AND is_reading IS NOT NULL)
OR (
    (gate = 'no_volatility' OR kept_by = 'volatility_missing')
    AND (estimate IS NOT NULL OR is_reading IS NULL)
)
OR (gate = 'no_volatility' AND is_held)
ORDER BY ALL;
