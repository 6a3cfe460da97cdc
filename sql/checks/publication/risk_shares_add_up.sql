-- Failures: portfolios whose risk shares do not add up to 1, those with a volatility whose positions have no share, and
-- shares of what is no position or has no volatility.
-- Since: V015. Parameters: $run_id VARCHAR.
SELECT
    portfolio_id,
    format(
        'risk shares of {} positions add up to {:.12g}; {} of {} positions with a volatility have one',
        count(risk_share),
        coalesce(sum(risk_share), 0),
        count(risk_share) FILTER (is_measured),
        count(*) FILTER (is_measured)
    ) AS detail
FROM (
    SELECT
        sizing_audit.portfolio_id,
        sizing_audit.risk_share,
        sizing_audit.target_weight > 0 AND sizing_audit.volatility IS NOT NULL AS is_measured,
        coalesce(sizing_summary.portfolio_volatility, 0) > 0 AS has_shares,
        1e-9 AS tolerance
    FROM sizing_audit
    JOIN sizing_summary USING (run_id, portfolio_id)
    WHERE sizing_audit.run_id = $run_id
)
GROUP BY portfolio_id
HAVING abs(coalesce(sum(risk_share), 1) - 1) > any_value(tolerance)
OR count(risk_share) <> count(*) FILTER (is_measured AND has_shares)
OR count(risk_share) FILTER (NOT is_measured) > 0
ORDER BY ALL;
