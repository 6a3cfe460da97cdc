-- Grain: one row per kind and day: the newest ingest that was not refused whole. It alone counts.
CREATE OR REPLACE VIEW effective_ingests AS
SELECT
    kind,
    as_of_date,
    ingest_id,
    source,
    sha256,
    rows_read,
    rows_accepted,
    rows_rejected,
    ingested_at
FROM effective_ingests_as_of('infinity'::TIMESTAMPTZ);

COMMENT ON VIEW effective_ingests IS 'One row per kind and day: the newest ingest that was not refused whole. It counts as a whole, and nothing of an older one of the same kind and day does.';
COMMENT ON COLUMN effective_ingests.kind IS 'What was read: scores, assets, positions, restrictions, renames, prices.';
COMMENT ON COLUMN effective_ingests.as_of_date IS 'Trading day that the content describes, exchange date.';
COMMENT ON COLUMN effective_ingests.ingest_id IS 'Number of the ingest, see ingests.';
COMMENT ON COLUMN effective_ingests.source IS 'Path, address or query that was read.';
COMMENT ON COLUMN effective_ingests.sha256 IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN effective_ingests.rows_read IS 'Data rows read: accepted and rejected together.';
COMMENT ON COLUMN effective_ingests.rows_accepted IS 'Rows stored in the table of this kind.';
COMMENT ON COLUMN effective_ingests.rows_rejected IS 'Rows refused, stored in rejects.';
COMMENT ON COLUMN effective_ingests.ingested_at IS 'When the rows became visible, UTC.';
