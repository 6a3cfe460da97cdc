-- For: a portfolio manager
-- Question: Which limits do the current targets have, where do portfolios differ?
-- Returns: a row per limit that is not the same in all portfolios, with a value per portfolio.
SELECT limit_name, map_from_entries(list((portfolio_id, limit_value) ORDER BY portfolio_id)) AS values
FROM configured_limits
JOIN visible_runs USING (run_id, portfolio_id, as_of_date)
WHERE as_of_date = (SELECT max(as_of_date) FROM visible_runs)
GROUP BY limit_name
HAVING count(DISTINCT coalesce(limit_value, 'null')) > 1
ORDER BY limit_name;
