-- Failures: selected candidates, locked ones aside (before V014: pinned ones), that score less than their entry_score, or
-- have none of the two. Scores are compared in whole units of 1e-12, as the rules do.
-- Since: V002. Parameters: $run_id VARCHAR.
SELECT
    portfolio_id,
    format(
        '{} is selected with score {}, its entry_score is {}',
        asset,
        coalesce(score::VARCHAR, 'null'),
        coalesce(entry_score::VARCHAR, 'null')
    ) AS detail
FROM decisions
WHERE run_id = $run_id
AND is_selected
AND NOT coalesce(is_locked, is_pinned)
AND coalesce(round(score * 1e12) < round(entry_score * 1e12), true)
ORDER BY ALL;
