-- Failures: targets that buy what no_buy or no_trade forbids, and targets that keep what must be sold.
-- Parameters: $run_id VARCHAR.
SELECT
    targets.portfolio_id,
    format(
        '{} is under {}, held with {}, and has target {}',
        targets.asset,
        decisions.restriction,
        targets.current_weight::VARCHAR,
        targets.target_weight::VARCHAR
    ) AS detail
FROM targets
JOIN decisions USING (run_id, portfolio_id, asset)
WHERE targets.run_id = $run_id
AND (
    (decisions.restriction IN ('no_buy', 'no_trade') AND targets.target_weight > targets.current_weight)
    OR (decisions.restriction = 'must_sell' AND targets.target_weight > 0)
)
ORDER BY ALL;
