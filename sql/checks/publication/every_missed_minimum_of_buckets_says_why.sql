-- Failures: portfolios with fewer buckets than min_buckets_represented and no word about it.
-- Since: V002. Parameters: $run_id VARCHAR.
SELECT
    portfolio_id,
    format('{} buckets are represented instead of {}, without a reason', value::VARCHAR, limit_value::VARCHAR) AS detail
FROM constraint_checks
WHERE run_id = $run_id
AND constraint_name = 'min_buckets_represented'
AND value < limit_value
AND coalesce(trim(reason), '') = ''
ORDER BY ALL;
