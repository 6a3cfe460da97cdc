-- Failures: portfolios whose weights before the trades, targets or weights after the trades do not add up exactly to
-- target_total_allocation, or whose trades do not add up to 0; rows that are not current_weight + trade_weight.
-- Since: V011. Parameters: $run_id VARCHAR.
SELECT
    targets.portfolio_id,
    format(
        'before {}, targets {}, after {}, trades {}: expected {}, {}, {}, 0',
        sum(targets.current_weight)::VARCHAR,
        sum(targets.target_weight)::VARCHAR,
        coalesce(sum(targets.post_trade_weight)::VARCHAR, 'null'),
        sum(targets.trade_weight)::VARCHAR,
        any_value(sizing_summary.target_total_allocation)::VARCHAR,
        any_value(sizing_summary.target_total_allocation)::VARCHAR,
        any_value(sizing_summary.target_total_allocation)::VARCHAR
    ) AS detail
FROM targets
JOIN sizing_summary USING (run_id, portfolio_id)
WHERE targets.run_id = $run_id
GROUP BY targets.portfolio_id
HAVING sum(targets.current_weight) <> any_value(sizing_summary.target_total_allocation)
OR sum(targets.target_weight) <> any_value(sizing_summary.target_total_allocation)
OR coalesce(sum(targets.post_trade_weight), -1) <> any_value(sizing_summary.target_total_allocation)
OR sum(targets.trade_weight) <> 0
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
