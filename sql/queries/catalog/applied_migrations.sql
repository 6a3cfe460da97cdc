-- Grain: one row per applied migration, in their order.
-- Parameters: none.
SELECT
    version,
    name,
    checksum,
    applied_at
FROM schema_migrations
ORDER BY version;
