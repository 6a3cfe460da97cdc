-- Grain: one row where a portfolio's run of a day knows the asset under another name: a rename has it, or one after the other.
-- Parameters: $portfolio_id VARCHAR, $asset VARCHAR, $as_of_date DATE.
SELECT (json_extract(runs.inputs, '$.renamed')::MAP(VARCHAR, VARCHAR))[$asset] AS name
FROM visible_runs
JOIN runs USING (run_id)
WHERE visible_runs.portfolio_id = $portfolio_id AND visible_runs.as_of_date = $as_of_date::DATE AND name IS NOT NULL;
