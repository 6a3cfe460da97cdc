-- Grain: one row: the newest event of a run and the newest ingest, null when there is none.
-- Parameters: none.
SELECT
    (SELECT max(event_id) FROM run_events) AS event_id,
    (SELECT max(ingest_id) FROM ingests) AS ingest_id;
