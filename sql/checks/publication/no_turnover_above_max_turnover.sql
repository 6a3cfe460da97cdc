-- Failures: portfolios that trade more than max_turnover where that is not all mandatory: mandatory trades are sales.
-- Since: V011. Parameters: $run_id VARCHAR.
SELECT
    portfolio_id,
    format(
        'bought {}, sold {}: turnover above max_turnover {}, mandatory {}',
        traded.bought::VARCHAR,
        traded.sold::VARCHAR,
        run_limits.max_turnover::VARCHAR,
        coalesce(trade_summary.mandatory_turnover::VARCHAR, 'null')
    ) AS detail
FROM (
    SELECT
        run_id,
        portfolio_id,
        sum(greatest(trade_weight, 0)) AS bought,
        sum(greatest(-trade_weight, 0)) AS sold
    FROM targets
    WHERE run_id = $run_id AND NOT is_cash
    GROUP BY run_id, portfolio_id
) AS traded
JOIN trade_summary USING (run_id, portfolio_id)
JOIN run_limits USING (run_id, portfolio_id)
WHERE trade_summary.run_id = $run_id
AND run_limits.run_id = $run_id
AND traded.bought + traded.sold > 2 * run_limits.max_turnover
AND (traded.bought > 0 OR 2 * coalesce(trade_summary.mandatory_turnover, 0) <> traded.sold)
ORDER BY ALL;
