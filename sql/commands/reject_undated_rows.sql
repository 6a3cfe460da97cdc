-- Assigns the rejects whose day cannot be read to the ingest $ingest_id.
INSERT INTO rejects BY NAME
SELECT
    *,
    $ingest_id::BIGINT AS ingest_id
FROM undated_rejects;
