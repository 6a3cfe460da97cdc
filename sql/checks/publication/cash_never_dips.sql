-- Failures: trades that, done in the order of trade_rank, leave less cash than there was before the first and less than 0.
-- Since: V011. Parameters: $run_id VARCHAR.
SELECT
    portfolio_id,
    format('after {} at place {} cash is {}', asset, trade_rank, cash::VARCHAR) AS detail
FROM (
    SELECT
        traded.portfolio_id,
        traded.asset,
        traded.trade_rank,
        before.current_weight AS cash_before,
        before.current_weight
        - sum(traded.trade_weight) OVER (PARTITION BY traded.portfolio_id ORDER BY traded.trade_rank) AS cash
    FROM targets AS traded
    JOIN targets AS before USING (run_id, portfolio_id)
    WHERE traded.run_id = $run_id AND NOT traded.is_cash AND traded.trade_weight <> 0 AND before.is_cash
)
WHERE cash < least(cash_before, 0)
ORDER BY ALL;
