-- Returns the row numbers that stand more than once in the ingests from $first_ingest_id on, the lowest five.
-- {table}: the table of the kind. Parameters: $first_ingest_id.
SELECT row_number
FROM (
    SELECT row_number FROM {table} WHERE ingest_id >= $first_ingest_id
    UNION ALL
    SELECT row_number FROM rejects WHERE ingest_id >= $first_ingest_id
    UNION ALL
    SELECT row_number FROM undated_rejects
)
GROUP BY row_number
HAVING count(*) > 1
ORDER BY row_number
LIMIT 5;
