-- For: an execution desk
-- Question: What do I buy and sell today, how many shares, in which order?
-- Returns: the orders of one portfolio, sales first; order_id is the same for the same run and asset.
SELECT order_rank, side, asset, quantity, reference_price, notional, order_id
FROM current_orders
WHERE portfolio_id = 'core'
ORDER BY order_rank;
