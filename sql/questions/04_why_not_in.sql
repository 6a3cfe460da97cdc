-- For: a portfolio manager
-- Question: Why is this asset not selected, and what would select it?
-- Returns: a row per portfolio: the gate that stopped it with its limit, the score that is enough, the asset it would replace.
SELECT portfolio_id, score, candidate_rank, gate, gate_limit, entry_score, rival, decision_reason
FROM decisions_today
WHERE asset = 'GOOGL' AND NOT is_selected;
