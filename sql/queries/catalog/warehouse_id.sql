-- Grain: one row: which warehouse this is. The moment of its first migration names it, which every copy of it has too.
-- Parameters: none.
SELECT left(sha256(min(epoch_us(applied_at))::VARCHAR), 16) AS warehouse_id
FROM schema_migrations;
