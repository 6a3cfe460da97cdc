-- Grain: one row: the ingest_id that the next ingest gets.
-- Parameters: none.
SELECT coalesce(max(ingest_id), 0) + 1 AS ingest_id
FROM ingests;
