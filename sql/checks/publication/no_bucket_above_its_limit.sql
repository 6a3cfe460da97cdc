-- Failures: buckets above their limit of the run's config, where dynamic sizing and bucket limits are enabled.
-- Parameters: $run_id VARCHAR.
SELECT
    portfolio_id,
    format('bucket {} has {}, its limit is {}', bucket, bucket_weight::VARCHAR, bucket_limit::VARCHAR) AS detail
FROM (
    SELECT
        targets.portfolio_id,
        targets.bucket,
        sum(targets.target_weight) AS bucket_weight,
        any_value(
            coalesce(run_limits.max_allocation_by_bucket[targets.bucket], run_limits.max_allocation_per_bucket)
        ) AS bucket_limit
    FROM targets
    JOIN run_limits USING (run_id, portfolio_id)
    WHERE targets.run_id = $run_id
    AND run_limits.enable_dynamic_sizing
    AND run_limits.enable_bucket_diversification
    AND NOT targets.is_cash
    GROUP BY targets.portfolio_id, targets.bucket
)
WHERE bucket_weight > bucket_limit
ORDER BY ALL;
