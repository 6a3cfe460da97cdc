-- Grain: one row per portfolio and published day that rests on holdings, or states of holdings, that were replaced since.
-- Parameters: none.
SELECT
    as_of_date,
    portfolio_id,
    replaced_as_of_date
FROM superseded_holdings
ORDER BY as_of_date, portfolio_id;
