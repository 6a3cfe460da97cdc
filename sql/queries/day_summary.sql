-- Grain: one row per portfolio of the run. Turnover is one-way: half of everything that is traded.
-- Parameters: $run_id VARCHAR.
SELECT
    portfolio_id,
    as_of_date,
    count(*) FILTER (NOT is_cash AND target_weight > 0) AS n_positions,
    coalesce(sum(target_weight) FILTER (NOT is_cash), 0)::DECIMAL(10, 8) AS invested_weight,
    coalesce(sum(target_weight) FILTER (is_cash), 0)::DECIMAL(10, 8) AS cash_weight,
    count(*) FILTER (action = 'open') AS n_open,
    count(*) FILTER (action = 'close') AS n_close,
    count(*) FILTER (action = 'increase') AS n_increase,
    count(*) FILTER (action = 'decrease') AS n_decrease,
    sum(abs(trade_weight)) * 0.5 AS turnover
FROM targets
WHERE run_id = $run_id
GROUP BY portfolio_id, as_of_date
ORDER BY portfolio_id;
