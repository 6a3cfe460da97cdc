-- Of a content with very many rejected rows the first are kept, and the others counted.

ALTER TABLE ingests ADD COLUMN rejects_not_kept INTEGER;
COMMENT ON COLUMN ingests.rejects_not_kept IS 'Rejected rows that are counted in rows_rejected and not kept in rejects, since they were too many. Null: read by an earlier release, which kept them all.';
