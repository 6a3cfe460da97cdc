-- Grain: one row per portfolio and bucket of current_targets. Closed holdings count with weight 0.
-- Columns as in: targets
CREATE OR REPLACE VIEW bucket_exposure AS
SELECT
    portfolio_id,
    as_of_date,
    bucket,
    bucket_weight,
    n_positions,
    max_allocation_per_bucket,
    max_allocation_per_bucket - bucket_weight AS slack,
    run_id
FROM (
    SELECT
        exposure.*,
        CASE
            WHEN run_limits.enable_dynamic_sizing AND run_limits.enable_bucket_diversification
            THEN coalesce(run_limits.max_allocation_by_bucket[exposure.bucket], run_limits.max_allocation_per_bucket)
        END AS max_allocation_per_bucket
    FROM (
        SELECT
            portfolio_id,
            as_of_date,
            bucket,
            run_id,
            sum(target_weight)::DECIMAL(10, 8) AS bucket_weight,
            count(*) FILTER (target_weight > 0) AS n_positions
        FROM current_targets
        WHERE NOT is_cash
        GROUP BY ALL
    ) AS exposure
    JOIN run_limits USING (run_id, portfolio_id)
);

COMMENT ON VIEW bucket_exposure IS 'One row per portfolio and bucket of current_targets.';
COMMENT ON COLUMN bucket_exposure.bucket IS 'Bucket.';
COMMENT ON COLUMN bucket_exposure.bucket_weight IS 'Sum of the target weights, fraction of the portfolio value, exact.';
COMMENT ON COLUMN bucket_exposure.n_positions IS 'Positions with a weight above 0, count.';
COMMENT ON COLUMN bucket_exposure.max_allocation_per_bucket IS 'Limit of this bucket, fraction of the portfolio value; null when buckets are not limited.';
COMMENT ON COLUMN bucket_exposure.slack IS 'Limit less weight, fraction of the portfolio value; null when buckets are not limited.';
COMMENT ON COLUMN bucket_exposure.run_id IS 'Run that computed the targets, see runs.';
