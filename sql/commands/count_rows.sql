-- Returns how many rows from $first_ingest_id on there are that reject_rows would copy.
-- {table}: the table of the kind; {which}: a condition on its rows. Parameters: $first_ingest_id.
SELECT count(*)
FROM {table}
WHERE ingest_id >= $first_ingest_id AND {which};
