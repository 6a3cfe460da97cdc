-- For: an auditor
-- Question: When was publication halted, who lifted it, and why?
-- Returns: a row per order, in their order.
SELECT
    happened_at,
    if(is_halted, 'halted', 'lifted') AS what,
    coalesce(portfolio_id, 'all portfolios') AS whose,
    "by",
    reason
FROM halts
ORDER BY halt_id;
