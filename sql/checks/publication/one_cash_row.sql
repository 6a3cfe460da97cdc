-- Failures: portfolios without exactly one cash row, cash that is negative or not called CASH, CASH that is not cash.
-- Only holdings under no_trade that alone are more than target_total_allocation leave less than 0.
-- Parameters: $run_id VARCHAR.
SELECT
    portfolios.portfolio_id,
    format('{} cash rows instead of 1', count(cash.portfolio_id)) AS detail
FROM (SELECT unnest(portfolio_ids) AS portfolio_id FROM runs WHERE run_id = $run_id) AS portfolios
LEFT JOIN (SELECT portfolio_id FROM targets WHERE run_id = $run_id AND is_cash) AS cash USING (portfolio_id)
GROUP BY portfolios.portfolio_id
HAVING count(cash.portfolio_id) <> 1
UNION ALL
SELECT
    portfolio_id,
    format('cash is negative: {}', target_weight::VARCHAR)
FROM targets
WHERE run_id = $run_id
AND is_cash
AND target_weight < 0
AND NOT EXISTS (
    SELECT 1
    FROM decisions
    WHERE decisions.run_id = $run_id
    AND decisions.portfolio_id = targets.portfolio_id
    AND decisions.is_held
    AND decisions.restriction = 'no_trade'
)
UNION ALL
SELECT
    portfolio_id,
    format('{} has is_cash {}', asset, is_cash)
FROM targets
WHERE run_id = $run_id AND is_cash <> (asset = 'CASH')
ORDER BY ALL;
