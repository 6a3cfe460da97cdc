-- For: an operator
-- Question: What waits for approval, why, and who may not approve it?
-- Returns: a row per waiting portfolio, oldest first; those of a run are approved together.
SELECT
    run_id,
    as_of_date,
    portfolio_id,
    reason,
    if(needs_four_eyes, proposed_by, NULL) AS not_to_be_approved_by,
    proposed_at,
    turnover,
    n_close,
    cash_weight,
    is_halted
FROM open_proposals;
