-- Returns one row per ingest from $first_ingest_id on that has rows: how many were accepted, how many rejected are kept.
-- {table}: the table of the kind. Parameters: $first_ingest_id.
SELECT
    ingest_id,
    count(*) FILTER (is_accepted)::INTEGER AS rows_accepted,
    count(*) FILTER (NOT is_accepted)::INTEGER AS rows_kept
FROM (
    SELECT ingest_id, true AS is_accepted FROM {table} WHERE ingest_id >= $first_ingest_id
    UNION ALL
    SELECT ingest_id, false FROM rejects WHERE ingest_id >= $first_ingest_id
)
GROUP BY ingest_id;
