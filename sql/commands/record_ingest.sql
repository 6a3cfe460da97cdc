-- Appends one row to ingests and returns its ingest_id, the highest plus 1.
-- Parameters: $kind, $source, $sha256, $as_of_date, $rows_accepted, $rows_rejected, $ingested_at.
INSERT INTO ingests BY NAME
SELECT
    (SELECT coalesce(max(ingest_id), 0) + 1 FROM ingests) AS ingest_id,
    $kind::VARCHAR AS kind,
    $source::VARCHAR AS source,
    $sha256::VARCHAR AS sha256,
    $as_of_date::DATE AS as_of_date,
    $rows_accepted::INTEGER + $rows_rejected::INTEGER AS rows_read,
    $rows_accepted::INTEGER AS rows_accepted,
    $rows_rejected::INTEGER AS rows_rejected,
    $ingested_at::TIMESTAMPTZ AS ingested_at
RETURNING ingest_id;
