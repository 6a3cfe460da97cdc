-- Grain: one row per open proposal and portfolio, oldest first.
-- Parameters: none.
FROM open_proposals;
