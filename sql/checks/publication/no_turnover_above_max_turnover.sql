-- Failures: portfolios that trade more than max_turnover and more than their mandatory trades, and trade summaries that
-- are not those of the targets.
-- Since: V011. Parameters: $run_id VARCHAR.
SELECT
    portfolio_id,
    format(
        'turnover {}, mandatory {}, max_turnover {}; targets: bought {}, sold {}, after {}; summary: {}, {}, {}',
        trade_summary.turnover::VARCHAR,
        coalesce(trade_summary.mandatory_turnover::VARCHAR, 'null'),
        coalesce(run_limits.max_turnover::VARCHAR, 'null'),
        traded.bought::VARCHAR,
        traded.sold::VARCHAR,
        traded.invested::VARCHAR,
        trade_summary.bought_weight::VARCHAR,
        trade_summary.sold_weight::VARCHAR,
        trade_summary.invested_after_weight::VARCHAR
    ) AS detail
FROM trade_summary
JOIN (
    SELECT
        run_id,
        portfolio_id,
        sum(if(NOT is_cash AND trade_weight > 0, trade_weight, 0)) AS bought,
        -sum(if(NOT is_cash AND trade_weight < 0, trade_weight, 0)) AS sold,
        sum(if(is_cash, 0, post_trade_weight)) AS invested,
        sum(if(is_cash, post_trade_weight, 0)) AS cash
    FROM targets
    WHERE run_id = $run_id
    GROUP BY run_id, portfolio_id
) AS traded USING (run_id, portfolio_id)
JOIN run_limits USING (run_id, portfolio_id)
WHERE trade_summary.run_id = $run_id
AND (
    trade_summary.turnover > greatest(run_limits.max_turnover, trade_summary.mandatory_turnover)
    OR 2 * trade_summary.turnover <> trade_summary.bought_weight + trade_summary.sold_weight
    OR trade_summary.bought_weight <> traded.bought
    OR trade_summary.sold_weight <> traded.sold
    OR trade_summary.invested_after_weight <> traded.invested
    OR trade_summary.cash_after_weight <> traded.cash
)
ORDER BY ALL;
