-- Grain: one row per portfolio and bucket of the run that has a weight before or after. The limit is null when buckets
-- are not limited.
-- Parameters: $run_id VARCHAR, $portfolio_ids VARCHAR[]: of these portfolios.
SELECT
    exposure.portfolio_id,
    exposure.bucket,
    exposure.current_weight,
    exposure.target_weight,
    CASE
        WHEN run_limits.enable_dynamic_sizing AND run_limits.enable_bucket_diversification
        THEN coalesce(run_limits.max_allocation_by_bucket[exposure.bucket], run_limits.max_allocation_per_bucket)
    END AS limit_weight
FROM (
    SELECT
        portfolio_id,
        bucket,
        sum(current_weight)::DECIMAL(10, 8) AS current_weight,
        sum(target_weight)::DECIMAL(10, 8) AS target_weight
    FROM targets
    WHERE run_id = $run_id AND NOT is_cash AND portfolio_id IN (SELECT unnest($portfolio_ids::VARCHAR[]))
    GROUP BY portfolio_id, bucket
) AS exposure
JOIN run_limits ON run_limits.run_id = $run_id AND run_limits.portfolio_id = exposure.portfolio_id
WHERE exposure.current_weight > 0 OR exposure.target_weight > 0
ORDER BY exposure.portfolio_id, exposure.target_weight DESC, exposure.bucket;
