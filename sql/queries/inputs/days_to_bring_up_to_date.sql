-- Grain: one row: the later days that rest on targets which the run replaced; the days are null when there are none.
-- Parameters: $run_id VARCHAR.
SELECT
    count(DISTINCT resting.as_of_date) AS n_days,
    min(resting.as_of_date) AS first_day,
    max(resting.as_of_date) AS last_day
FROM superseded_holdings AS resting
JOIN superseded_holdings AS direct USING (portfolio_id)
JOIN runs ON runs.run_id = direct.current_run_id
WHERE
    direct.is_direct
    AND direct.current_run_id = $run_id
    AND resting.as_of_date >= direct.as_of_date
    AND resting.replaced_as_of_date <= runs.as_of_date;
