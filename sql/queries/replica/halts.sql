-- Grain: one row per order to halt publication or to lift a halt, in the order in which they were given.
-- Parameters: none.
FROM halts
ORDER BY halt_id;
