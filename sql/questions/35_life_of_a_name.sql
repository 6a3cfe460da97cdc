-- For: a portfolio manager
-- Question: How often was this name held, from when to when, and what closed it?
-- Returns: a row per portfolio and stay, the first one first: opening, closing, days, scores, gate.
SELECT portfolio_id, stay, coalesce(opened_on, first_seen_on) AS held_from, closed_on, outcome, gate, calendar_days, published_days, entry_score, exit_score
FROM holding_periods
WHERE asset = 'AMZN'
ORDER BY portfolio_id, stay;
