-- Grain: one row per order to halt that is in force, in the order in which they were given.
-- Parameters: none.
SELECT
    halts.portfolio_id,
    halts."by",
    halts.reason,
    halts.happened_at
FROM halts
JOIN halts_in_force AS halted
    ON halts.portfolio_id IS NOT DISTINCT FROM halted.portfolio_id AND halts.happened_at >= halted.since
WHERE halts.is_halted
ORDER BY halts.halt_id;
