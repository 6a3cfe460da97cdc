-- Failures: portfolios whose weights before the trades, targets or weights after the trades do not add up exactly to
-- target_total_allocation, or whose trades do not add up to 0; rows that are not current_weight + trade_weight.
-- Since: V011. Parameters: $run_id VARCHAR.
SELECT
    portfolio_id,
    format(
        'before {}, targets {}, after {}, trades {}: expected {}, {}, {}, 0',
        before_weight::VARCHAR,
        target_weight::VARCHAR,
        after_weight::VARCHAR,
        trade_weight::VARCHAR,
        target_total_allocation::VARCHAR,
        target_total_allocation::VARCHAR,
        target_total_allocation::VARCHAR
    ) AS detail
FROM (
    SELECT
        run_id,
        portfolio_id,
        sum(current_weight) AS before_weight,
        sum(target_weight) AS target_weight,
        coalesce(sum(post_trade_weight), 0) AS after_weight,
        sum(trade_weight) AS trade_weight
    FROM targets
    WHERE run_id = $run_id
    GROUP BY run_id, portfolio_id
)
JOIN (FROM sizing_summary WHERE run_id = $run_id) AS sizing_summary USING (run_id, portfolio_id)
WHERE before_weight <> target_total_allocation
OR target_weight <> target_total_allocation
OR after_weight <> target_total_allocation
OR trade_weight <> 0
UNION ALL
SELECT
    portfolio_id,
    format(
        '{} has {} after a trade of {}, held with {}',
        asset,
        coalesce(post_trade_weight::VARCHAR, 'null'),
        trade_weight::VARCHAR,
        current_weight::VARCHAR
    ) AS detail
FROM targets
WHERE run_id = $run_id
AND (post_trade_weight IS DISTINCT FROM current_weight + trade_weight OR (post_trade_weight < 0 AND NOT is_cash))
ORDER BY ALL;
