-- Grain: one row per proposal and portfolio whose event has this number or a higher one.
-- Parameters: $event_id BIGINT.
FROM proposals
WHERE event_id >= $event_id
ORDER BY event_id, portfolio_id;
