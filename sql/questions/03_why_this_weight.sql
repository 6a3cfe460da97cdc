-- For: a portfolio manager
-- Question: How was this weight computed?
-- Returns: one weight from score to trade, a row per step; also for CASH and for assets that are not selected.
FROM explain('core', 'AMZN', DATE '2025-06-06');
