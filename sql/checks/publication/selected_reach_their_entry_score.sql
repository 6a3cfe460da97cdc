-- Failures: selected candidates, locked ones aside (before V014: pinned ones), that score less than their entry_score, or
-- have none of the two; of a run without entry scores those without a score, and every candidate that has an entry_score
-- or a rival. Scores are compared in whole units of 1e-12, as the rules do.
-- Since: V002. Parameters: $run_id VARCHAR.
-- Read once, not beside each row: the record of a run grows with its portfolios.
WITH run AS MATERIALIZED (
    SELECT run_id, coalesce((inputs ->> 'has_entry_scores')::BOOLEAN, true) AS has_entry_scores
    FROM runs
    WHERE run_id = $run_id
)
SELECT
    portfolio_id,
    if(
        has_entry_scores OR score IS NULL,
        format(
            '{} is selected with score {}, its entry_score is {}',
            asset,
            coalesce(score::VARCHAR, 'null'),
            coalesce(entry_score::VARCHAR, 'null')
        ),
        format(
            '{} has entry_score {} and rival {}, in a run without entry scores',
            asset,
            coalesce(entry_score::VARCHAR, 'null'),
            coalesce(rival, 'null')
        )
    ) AS detail
FROM decisions
JOIN run USING (run_id)
WHERE run_id = $run_id
AND (
    (
        is_selected
        AND NOT coalesce(is_locked, is_pinned)
        AND coalesce(round(score * 1e12) < round(entry_score * 1e12), has_entry_scores OR score IS NULL)
    )
    OR (NOT has_entry_scores AND (entry_score IS NOT NULL OR rival IS NOT NULL))
)
ORDER BY ALL;
