-- Asked by: a portfolio manager
-- Question: How did this weight come about?
-- Gives: the story of one weight from score to trade, a row per step. Ask it of CASH and of names that are not in, too.
FROM explain('core', 'AMZN', DATE '2025-06-06');
