-- Appends one row to recoveries. Parameters: $recovered_at, $wal_bytes.
INSERT INTO recoveries BY NAME
SELECT $recovered_at::TIMESTAMPTZ AS recovered_at, $wal_bytes::BIGINT AS wal_bytes;
