-- For: an auditor
-- Question: Who approved or declined what, when, why, and who had proposed it?
-- Returns: a row per proposal, newest first, the open ones too.
SELECT as_of_date, portfolio_ids, outcome, decided_by, decided_at, note, proposed_by, proposed_at, reasons, run_id
FROM proposal_history;
