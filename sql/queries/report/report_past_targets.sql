-- Grain: one row per target of the runs and portfolios named.
-- Parameters: $run_ids VARCHAR[], $portfolio_ids VARCHAR[].
SELECT run_id, portfolio_id, as_of_date, asset, is_cash, target_weight
FROM targets
WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[])) AND portfolio_id IN (SELECT unnest($portfolio_ids::VARCHAR[]))
ORDER BY ALL;
