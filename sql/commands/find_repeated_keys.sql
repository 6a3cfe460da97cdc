-- Adds to repeated_keys those that stand more than once among the rows from $first_ingest_id on.
-- {table}: the table of the kind; {key}: its key columns. Parameters: $first_ingest_id.
INSERT INTO repeated_keys
SELECT {key}
FROM {table}
WHERE ingest_id >= $first_ingest_id
GROUP BY ALL
HAVING count(*) > 1;
