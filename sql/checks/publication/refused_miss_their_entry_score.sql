-- Failures: candidates that are not selected though they score their entry_score. Scores are compared in whole units
-- of 1e-12, as the rules do.
-- Since: V002. Parameters: $run_id VARCHAR.
SELECT
    portfolio_id,
    format(
        '{} is not selected with score {}, its entry_score is {}',
        asset,
        coalesce(score::VARCHAR, 'null'),
        entry_score::VARCHAR
    ) AS detail
FROM decisions
WHERE run_id = $run_id
AND NOT is_selected
AND entry_score IS NOT NULL
AND coalesce(round(score * 1e12) >= round(entry_score * 1e12), true)
ORDER BY ALL;
