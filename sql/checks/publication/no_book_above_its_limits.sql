-- Failures: books after the trades with a position above max_single_position, a bucket above its limit, or more invested
-- than target_total_allocation, beyond what holdings under no_trade hold alone.
-- Since: V011. Parameters: $run_id VARCHAR.
WITH book AS (
    SELECT
        targets.portfolio_id,
        targets.asset,
        targets.bucket,
        targets.post_trade_weight,
        coalesce(decisions.is_held AND decisions.restriction = 'no_trade', false) AS is_immovable,
        run_limits.target_total_allocation,
        run_limits.max_single_position,
        coalesce(run_limits.max_allocation_by_bucket[targets.bucket], run_limits.max_allocation_per_bucket) AS bucket_limit,
        run_limits.enable_dynamic_sizing,
        run_limits.enable_bucket_diversification
    FROM targets
    JOIN run_limits USING (run_id, portfolio_id)
    JOIN decisions USING (run_id, portfolio_id, asset)
    WHERE targets.run_id = $run_id AND NOT targets.is_cash
)
SELECT
    portfolio_id,
    format(
        '{} has {} after the trades, max_single_position is {}',
        asset,
        post_trade_weight::VARCHAR,
        max_single_position::VARCHAR
    ) AS detail
FROM book
WHERE enable_dynamic_sizing AND NOT is_immovable AND post_trade_weight > max_single_position
UNION ALL
SELECT
    portfolio_id,
    format(
        'bucket {} has {} after the trades, its limit is {}',
        bucket,
        sum(post_trade_weight)::VARCHAR,
        any_value(bucket_limit)::VARCHAR
    ) AS detail
FROM book
WHERE enable_dynamic_sizing AND enable_bucket_diversification
GROUP BY portfolio_id, bucket
HAVING sum(post_trade_weight)
> greatest(any_value(bucket_limit), coalesce(sum(post_trade_weight) FILTER (is_immovable), 0))
UNION ALL
SELECT
    portfolio_id,
    format(
        '{} is invested after the trades, target_total_allocation is {}',
        sum(post_trade_weight)::VARCHAR,
        any_value(target_total_allocation)::VARCHAR
    ) AS detail
FROM book
GROUP BY portfolio_id
HAVING sum(post_trade_weight)
> greatest(any_value(target_total_allocation), coalesce(sum(post_trade_weight) FILTER (is_immovable), 0))
ORDER BY ALL;
