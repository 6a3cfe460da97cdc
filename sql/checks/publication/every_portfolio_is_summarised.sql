-- Failures: portfolios of the run without exactly one sizing_summary row.
-- Parameters: $run_id VARCHAR.
SELECT
    portfolios.portfolio_id,
    format('{} sizing_summary rows instead of 1', count(summaries.portfolio_id)) AS detail
FROM (SELECT portfolio_id FROM run_portfolios WHERE run_id = $run_id) AS portfolios
LEFT JOIN (SELECT portfolio_id FROM sizing_summary WHERE run_id = $run_id) AS summaries USING (portfolio_id)
GROUP BY portfolios.portfolio_id
HAVING count(summaries.portfolio_id) <> 1
ORDER BY ALL;
