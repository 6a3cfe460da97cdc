-- For: an operator
-- Question: Which holdings are frozen, and since when is their score missing?
-- Returns: a row per pinned holding of today, with the last day that it was scored.
SELECT
    decisions_today.portfolio_id,
    decisions_today.asset,
    decisions_today.current_weight,
    decisions_today.restriction,
    max(scores.as_of_date) AS last_scored_on,
    decisions_today.decision_reason
FROM decisions_today
LEFT JOIN (
    FROM scores SEMI JOIN effective_ingests USING (ingest_id)
) AS scores ON scores.asset = decisions_today.asset AND scores.as_of_date <= decisions_today.as_of_date
WHERE decisions_today.is_pinned
GROUP BY ALL
ORDER BY ALL;
