-- Grain: one row per portfolio and position: the visible targets of the portfolio's latest day before the day.
-- current_weight is the target_weight then: what is held when everything was traded.
-- Parameters: $as_of_date DATE.
SELECT
    targets.portfolio_id,
    targets.as_of_date,
    targets.asset,
    targets.target_weight AS current_weight,
    targets.run_id
FROM targets
JOIN (
    FROM visible_runs
    WHERE as_of_date < $as_of_date
    QUALIFY row_number() OVER (PARTITION BY portfolio_id ORDER BY as_of_date DESC) = 1
) AS latest USING (run_id, portfolio_id, as_of_date)
WHERE NOT targets.is_cash AND targets.target_weight > 0
ORDER BY targets.portfolio_id, targets.asset;
