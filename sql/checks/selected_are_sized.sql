-- Failures: selected candidates without a sizing_audit row, and rows of candidates that were not selected.
-- Parameters: $run_id VARCHAR.
SELECT
    portfolio_id,
    format('{} is {}', asset, if(decided IS NULL, 'sized and was not selected', 'selected and was not sized')) AS detail
FROM (
    SELECT portfolio_id, asset, true AS decided FROM decisions WHERE run_id = $run_id AND is_selected
)
FULL JOIN (
    SELECT portfolio_id, asset, true AS sized FROM sizing_audit WHERE run_id = $run_id
) USING (portfolio_id, asset)
WHERE decided IS NULL OR sized IS NULL
ORDER BY ALL;
