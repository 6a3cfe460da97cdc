-- Grain: one row per rejected row of an ingest, corrected or not (is_effective).
-- Columns as in: rejects, ingests
CREATE OR REPLACE VIEW rejected_rows AS
SELECT
    ingests.kind,
    ingests.as_of_date,
    ingests.source,
    rejects.row_number,
    rejects.rule,
    rejects.reason,
    rejects.row_json,
    effective_ingests.ingest_id IS NOT NULL AS is_effective,
    ingests.ingested_at,
    rejects.ingest_id
FROM rejects
JOIN ingests USING (ingest_id)
LEFT JOIN effective_ingests ON effective_ingests.ingest_id = rejects.ingest_id;

COMMENT ON VIEW rejected_rows IS 'One row per rejected row of an ingest, with its source.';
COMMENT ON COLUMN rejected_rows.is_effective IS 'Whether its ingest counts: false when a newer one of the day corrected it, or the file was rejected.';
COMMENT ON COLUMN rejected_rows.ingested_at IS 'When the row was rejected, UTC.';
