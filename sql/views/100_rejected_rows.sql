-- Grain: one row per refused row of an ingest, corrected or not (is_effective tells).
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

COMMENT ON VIEW rejected_rows IS 'One row per refused row of an ingest, with where it came from.';
COMMENT ON COLUMN rejected_rows.kind IS 'What was read: scores, assets, positions, restrictions, renames, prices.';
COMMENT ON COLUMN rejected_rows.as_of_date IS 'Trading day that the content describes, exchange date.';
COMMENT ON COLUMN rejected_rows.source IS 'Path, address or query that was read.';
COMMENT ON COLUMN rejected_rows.row_number IS 'Place of the row in its source; 1 is the first data row.';
COMMENT ON COLUMN rejected_rows.rule IS 'Name of the rule that the row broke.';
COMMENT ON COLUMN rejected_rows.reason IS 'The rule in words.';
COMMENT ON COLUMN rejected_rows.row_json IS 'The row as it was read, JSON object of column name to value.';
COMMENT ON COLUMN rejected_rows.is_effective IS 'Whether its ingest counts: false when a newer one of the day corrected it, or the file was refused whole.';
COMMENT ON COLUMN rejected_rows.ingested_at IS 'When the row was refused, UTC.';
COMMENT ON COLUMN rejected_rows.ingest_id IS 'Ingest that the row came with, see ingests.';
