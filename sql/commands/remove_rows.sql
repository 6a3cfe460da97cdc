-- Deletes the rows that reject_rows copied to rejects.
-- {table}: the table of the kind; {which}: a condition on its rows. Parameters: $first_ingest_id.
DELETE FROM {table}
WHERE ingest_id >= $first_ingest_id AND {which};
