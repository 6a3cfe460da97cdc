-- Makes room for what an ingest learns on its way: the keys that repeat, and the rejects whose day cannot be read.
-- {table}: the table of the kind; {key}: its key columns. Parameters: none.
CREATE TEMP TABLE repeated_keys AS SELECT {key} FROM {table} LIMIT 0;
CREATE TEMP TABLE undated_rejects AS SELECT * EXCLUDE (ingest_id) FROM rejects LIMIT 0;
