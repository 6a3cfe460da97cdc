-- Failures: portfolios that were ordered twice, whose orders are not as many as their status says, whose ranks are not 1 to
-- n with sales first, or that have one order_id or asset twice.
-- Parameters: $run_id VARCHAR.
SELECT portfolio_id, format('was ordered {} times', count(*)) AS detail
FROM order_status
WHERE run_id = $run_id AND status = 'ordered'
GROUP BY portfolio_id
HAVING count(*) > 1
UNION ALL
SELECT
    counted.portfolio_id,
    format('has {} orders, its status says {}', sum(counted.n_stored), sum(counted.n_told))
FROM (
    SELECT portfolio_id, 1 AS n_stored, 0 AS n_told FROM orders WHERE run_id = $run_id
    UNION ALL
    SELECT portfolio_id, 0, n_orders FROM order_status WHERE run_id = $run_id
) AS counted
GROUP BY counted.portfolio_id
HAVING sum(counted.n_stored) <> sum(counted.n_told)
UNION ALL
SELECT portfolio_id, format('{} is place {}, expected {}', asset, order_rank, place)
FROM (
    SELECT
        portfolio_id,
        asset,
        order_rank,
        row_number() OVER (PARTITION BY portfolio_id ORDER BY side DESC, quantity * reference_price DESC, asset) AS place
    FROM orders
    WHERE run_id = $run_id
)
WHERE order_rank <> place
UNION ALL
SELECT any_value(portfolio_id), format('{} orders are named {}', count(*), order_id)
FROM orders
WHERE run_id = $run_id
GROUP BY order_id
HAVING count(*) > 1
UNION ALL
SELECT portfolio_id, format('{} is ordered {} times', asset, count(*))
FROM orders
WHERE run_id = $run_id
GROUP BY portfolio_id, asset
HAVING count(*) > 1
ORDER BY ALL;
