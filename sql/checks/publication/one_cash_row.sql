-- Failures: portfolios without exactly one cash row, cash that is negative, not called CASH or traded like an asset, CASH
-- that is not cash. Less than 0 is left only where nothing but holdings under no_trade have a target, or a unit that a
-- locked holding keeps.
-- Parameters: $run_id VARCHAR.
SELECT
    portfolios.portfolio_id,
    format('{} cash rows instead of 1', count(cash.portfolio_id)) AS detail
FROM (SELECT portfolio_id FROM run_portfolios WHERE run_id = $run_id) AS portfolios
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
AND EXISTS (
    SELECT 1
    FROM targets AS positions
    JOIN decisions USING (run_id, portfolio_id, asset)
    WHERE positions.run_id = $run_id
    AND positions.portfolio_id = targets.portfolio_id
    AND positions.target_weight > 0
    AND NOT (decisions.is_held AND coalesce(decisions.restriction = 'no_trade', false))
    AND NOT (coalesce(decisions.is_locked, false) AND positions.target_weight = 0.00000001)
)
UNION ALL
SELECT
    portfolio_id,
    format('{} has is_cash {}', asset, is_cash)
FROM targets
WHERE run_id = $run_id AND is_cash <> (asset = 'CASH')
UNION ALL
SELECT
    portfolio_id,
    format(
        'cash has action {}, place {}, reason {}, scale {}',
        action,
        coalesce(trade_rank::VARCHAR, 'null'),
        coalesce(trade_reason, 'null'),
        coalesce(trade_scale::VARCHAR, 'null')
    )
FROM targets
WHERE run_id = $run_id
AND is_cash
AND (action <> 'hold' OR trade_rank IS NOT NULL OR trade_reason IS NOT NULL OR trade_scale IS NOT NULL)
ORDER BY ALL;
