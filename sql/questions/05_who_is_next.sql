-- Asked by: a portfolio manager
-- Question: Who is closest to coming in?
-- Gives: the ten candidates of a portfolio that lack least to be selected, and for whom.
SELECT asset, score, entry_score, entry_score - score AS lacks, gate, rival
FROM decisions_today
WHERE portfolio_id = 'core' AND NOT is_selected AND score IS NOT NULL AND entry_score IS NOT NULL
ORDER BY lacks
LIMIT 10;
