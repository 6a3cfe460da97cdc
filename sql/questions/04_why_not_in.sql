-- Asked by: a portfolio manager
-- Question: Why is this name not in, and what would let it in?
-- Gives: a row per portfolio: the gate that stopped it with its limit, the score that would do, who would leave for it.
SELECT portfolio_id, score, candidate_rank, gate, gate_limit, entry_score, rival, decision_reason
FROM decisions_today
WHERE asset = 'GOOGL' AND NOT is_selected;
