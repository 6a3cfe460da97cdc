-- For: a portfolio manager
-- Question: How much is traded a day?
-- Returns: a row per portfolio: days, average and largest one-way turnover, positions opened and closed.
SELECT
    portfolio_id,
    count(*) AS n_days,
    avg(turnover) AS average_turnover,
    max(turnover) AS largest_turnover,
    sum(n_open) AS n_opened,
    sum(n_close) AS n_closed
FROM turnover
GROUP BY portfolio_id
ORDER BY portfolio_id;
