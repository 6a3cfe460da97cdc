-- Failures: selected candidates without a sizing_audit row, and rows of candidates that were not selected.
-- Parameters: $run_id VARCHAR.
SELECT
    portfolio_id,
    format('{} is selected and was not sized', asset) AS detail
FROM decisions
WHERE run_id = $run_id
AND is_selected
AND NOT EXISTS (
    SELECT 1
    FROM sizing_audit
    WHERE run_id = $run_id AND portfolio_id = decisions.portfolio_id AND asset = decisions.asset
)
UNION ALL
SELECT
    portfolio_id,
    format('{} is sized and was not selected', asset)
FROM sizing_audit
WHERE run_id = $run_id
AND NOT EXISTS (
    SELECT 1
    FROM decisions
    WHERE run_id = $run_id AND portfolio_id = sizing_audit.portfolio_id AND asset = sizing_audit.asset AND is_selected
)
ORDER BY ALL;
