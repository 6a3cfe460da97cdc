-- Grain: one row: which portfolios of the run have holdings that rest on targets that were replaced, and the days that a
-- backfill has to do again; the days are null when there are none.
-- Parameters: $run_id VARCHAR.
SELECT
    array_to_string(list(DISTINCT own.portfolio_id ORDER BY own.portfolio_id)[:10], ', ')
        || if(count(DISTINCT own.portfolio_id) > 10, format(' and {} more', count(DISTINCT own.portfolio_id) - 10), '')
        AS portfolios,
    min(own.replaced_as_of_date) AS replaced_day,
    min(chained.as_of_date) AS first_day,
    max(chained.as_of_date) AS last_day
FROM superseded_holdings AS own
JOIN superseded_holdings AS chained USING (portfolio_id, replaced_as_of_date)
WHERE own.run_id = $run_id;
