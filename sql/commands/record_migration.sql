-- Appends one row to schema_migrations. Parameters: $version, $name, $checksum, $applied_at.
INSERT INTO schema_migrations BY NAME
SELECT
    $version::VARCHAR AS version,
    $name::VARCHAR AS name,
    $checksum::VARCHAR AS checksum,
    $applied_at::TIMESTAMPTZ AS applied_at;
