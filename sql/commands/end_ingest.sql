-- Drops what begin_ingest made. Parameters: none.
DROP TABLE repeated_keys;
DROP TABLE undated_rejects;
