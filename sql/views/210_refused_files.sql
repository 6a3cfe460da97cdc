-- Grain: one row per file (or query) that was rejected, newest first.
-- Columns as in: ingests
CREATE OR REPLACE VIEW refused_files AS
SELECT
    ingests.kind,
    ingests.as_of_date,
    ingests.source,
    ingests.refusal,
    ingests.rows_read,
    ingests.ingested_at,
    effective_ingests.ingest_id AS effective_ingest_id,
    coalesce(effective_ingests.ingest_id > ingests.ingest_id, false) AS is_corrected,
    ingests.sha256,
    ingests.ingest_id
FROM ingests
LEFT JOIN effective_ingests USING (kind, as_of_date)
WHERE ingests.refusal IS NOT NULL
ORDER BY ingests.ingest_id DESC;

COMMENT ON VIEW refused_files IS 'One row per file or query that was rejected, newest first. Nothing of it counts; what could be read of it is in rejected_rows.';
COMMENT ON COLUMN refused_files.refusal IS 'Why it was rejected, as text.';
COMMENT ON COLUMN refused_files.rows_read IS 'Data rows read, count; 0 when it could not be read as rows.';
COMMENT ON COLUMN refused_files.ingested_at IS 'When it was rejected, UTC.';
COMMENT ON COLUMN refused_files.effective_ingest_id IS 'Ingest of the same kind and day that counts instead, see effective_ingests; null: none.';
COMMENT ON COLUMN refused_files.is_corrected IS 'Whether that ingest came after the rejection.';
COMMENT ON COLUMN refused_files.ingest_id IS 'Rejected ingest, see ingests and rejected_rows.';
