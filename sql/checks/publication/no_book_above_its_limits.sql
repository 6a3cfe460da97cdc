-- Failures: books after the trades with a position above max_single_position, a bucket above its limit, or more invested
-- than target_total_allocation, beyond what holdings under no_trade hold alone, and a unit of each other locked one;
-- purchases beyond the cap that max_position_risk leaves.
-- Since: V011. Parameters: $run_id VARCHAR.
WITH book AS (
    SELECT
        targets.portfolio_id,
        targets.asset,
        targets.bucket,
        targets.post_trade_weight,
        if(
            decided.is_immovable,
            targets.post_trade_weight,
            least(coalesce(decided.locked_unit, 0), targets.post_trade_weight)
        ) AS immovable_weight,
        run_limits.target_total_allocation,
        if(run_limits.enable_dynamic_sizing, run_limits.max_single_position, NULL) AS cap,
        if(
            run_limits.enable_dynamic_sizing AND run_limits.enable_bucket_diversification,
            coalesce(run_limits.max_allocation_by_bucket[targets.bucket], run_limits.max_allocation_per_bucket),
            NULL
        ) AS bucket_limit
    FROM targets
    JOIN run_limits USING (run_id, portfolio_id)
    LEFT JOIN (
        SELECT DISTINCT
            portfolio_id,
            asset,
            is_held AND coalesce(restriction = 'no_trade', false) AS is_immovable,
            if(is_locked, 0.00000001, 0)::DECIMAL(10, 8) AS locked_unit
        FROM decisions
        WHERE run_id = $run_id AND (is_locked OR (is_held AND restriction = 'no_trade'))
    ) AS decided USING (portfolio_id, asset)
    WHERE targets.run_id = $run_id AND NOT targets.is_cash
)
SELECT
    portfolio_id,
    format(
        '{} has {} after the trades, max_single_position is {}', asset, post_trade_weight::VARCHAR, cap::VARCHAR
    ) AS detail
FROM book
WHERE post_trade_weight > cap AND post_trade_weight > immovable_weight
UNION ALL
SELECT
    targets.portfolio_id,
    format(
        '{} is bought up to {}, max_position_risk caps it at {}',
        targets.asset,
        targets.post_trade_weight::VARCHAR,
        sizing_audit.position_cap::VARCHAR
    ) AS detail
FROM targets
JOIN sizing_audit USING (run_id, portfolio_id, asset)
WHERE targets.run_id = $run_id AND targets.trade_weight > 0 AND targets.post_trade_weight > sizing_audit.position_cap
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
GROUP BY portfolio_id, bucket
HAVING sum(post_trade_weight) > any_value(bucket_limit) AND sum(post_trade_weight) > sum(immovable_weight)
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
HAVING sum(post_trade_weight) > any_value(target_total_allocation) AND sum(post_trade_weight) > sum(immovable_weight)
ORDER BY ALL;
