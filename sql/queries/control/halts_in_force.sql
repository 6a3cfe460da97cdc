-- Grain: one row per portfolio whose publication is halted, and one with portfolio_id null when that of all is.
-- Parameters: none.
SELECT
    portfolio_id,
    since,
    "by",
    reason
FROM halts_in_force
ORDER BY portfolio_id NULLS FIRST;
