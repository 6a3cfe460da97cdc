-- For: a portfolio manager
-- Question: Which assets are closest to selection?
-- Returns: the ten candidates of a portfolio that need the smallest change of score, and the assets they would replace.
SELECT asset, score, entry_score, entry_score - score AS lacks, gate, rival
FROM decisions_today
WHERE portfolio_id = 'core' AND NOT is_selected AND score IS NOT NULL AND entry_score IS NOT NULL
ORDER BY lacks
LIMIT 10;
