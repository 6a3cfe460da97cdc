-- Failures: buckets above their limit of the run's config, where dynamic sizing and bucket limits are enabled, and above
-- what holdings under no_trade hold alone, and a unit of each other locked one.
-- Parameters: $run_id VARCHAR.
SELECT
    portfolio_id,
    format('bucket {} has {}, its limit is {}', bucket, bucket_weight::VARCHAR, bucket_limit::VARCHAR) AS detail
FROM (
    SELECT
        targets.portfolio_id,
        targets.bucket,
        sum(targets.target_weight) AS bucket_weight,
        sum(
            if(
                decided.is_immovable,
                targets.target_weight,
                least(coalesce(decided.locked_unit, 0), targets.target_weight)
            )
        ) AS immovable_weight,
        any_value(
            coalesce(run_limits.max_allocation_by_bucket[targets.bucket], run_limits.max_allocation_per_bucket)
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
    WHERE targets.run_id = $run_id
    AND run_limits.enable_dynamic_sizing
    AND run_limits.enable_bucket_diversification
    AND NOT targets.is_cash
    GROUP BY targets.portfolio_id, targets.bucket
)
WHERE bucket_weight > bucket_limit AND bucket_weight > immovable_weight
ORDER BY ALL;
