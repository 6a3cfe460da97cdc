-- Grain: one row per kind and day: the newest ingest that was not rejected. Only it counts.
-- Columns as in: effective_ingests_as_of
CREATE OR REPLACE VIEW effective_ingests AS
FROM effective_ingests_as_of('infinity'::TIMESTAMPTZ);

COMMENT ON VIEW effective_ingests IS 'One row per kind and day: the newest ingest that was not rejected. It counts as a whole, and nothing of an older one of the same kind and day does.';
