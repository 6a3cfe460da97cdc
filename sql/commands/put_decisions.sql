-- Makes decisions again for this connection alone, with what given_decisions say on the same candidates.
-- {warehouse}: the open database.
CREATE OR REPLACE TEMP VIEW decisions AS
SELECT stored.* REPLACE (
    -- What a large run leaves out. Nothing stored is read but what a query asks for: a join takes its conditions on.
    coalesce(given.entry_score, stored.entry_score) AS entry_score,
    coalesce(given.rival, stored.rival) AS rival,
    coalesce(given.decision_reason, stored.decision_reason) AS decision_reason
)
FROM "{warehouse}".main.decisions AS stored
LEFT JOIN given_decisions AS given USING (run_id, portfolio_id, asset);
