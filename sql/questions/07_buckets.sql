-- For: a portfolio manager
-- Question: Which buckets are close to their limit?
-- Returns: a row per portfolio and bucket that has a limit, the fullest first.
SELECT portfolio_id, bucket, n_positions, bucket_weight, max_allocation_per_bucket, slack
FROM bucket_exposure
WHERE slack IS NOT NULL
ORDER BY slack, portfolio_id;
