-- For: an auditor
-- Question: Which published days rest on targets of an earlier day that were replaced since?
-- Returns: a row per range of days of a portfolio, to be computed again from first to last; none when all is well.
SELECT
    portfolio_id,
    replaced_as_of_date,
    min(as_of_date) AS first_day,
    max(as_of_date) AS last_day,
    count(*) AS n_days
FROM superseded_holdings
GROUP BY ALL
ORDER BY ALL;
