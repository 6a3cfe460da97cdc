-- Returns how many rejected rows from $first_ingest_id on are kept. Parameters: $first_ingest_id.
SELECT
    (SELECT count(*) FROM rejects WHERE ingest_id >= $first_ingest_id)
    + (SELECT count(*) FROM undated_rejects) AS n_rows;
