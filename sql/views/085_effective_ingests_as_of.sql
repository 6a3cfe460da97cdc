-- Grain: one row per kind and day: the newest ingest that was not rejected, as it was known at ts. It counts as a
-- whole: nothing of an older ingest of the same kind and day counts.
-- ts: TIMESTAMPTZ.
CREATE OR REPLACE MACRO effective_ingests_as_of(ts) AS TABLE
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
FROM ingests
WHERE refusal IS NULL AND ingested_at <= ts
QUALIFY row_number() OVER (PARTITION BY kind, as_of_date ORDER BY ingest_id DESC) = 1;

COMMENT ON MACRO TABLE effective_ingests_as_of IS 'effective_ingests_as_of(ts TIMESTAMPTZ): one row per kind and day: effective_ingests as it was known at ts.
kind VARCHAR: What was read: scores, assets, positions, accounts, restrictions, renames, prices.
as_of_date DATE: Trading day that the content describes, exchange date.
ingest_id BIGINT: Number of the ingest, see ingests.
source VARCHAR: Path, address or query that was read.
sha256 VARCHAR: SHA-256 of the content, hexadecimal.
rows_read INTEGER: Data rows read: accepted and rejected together.
rows_accepted INTEGER: Rows stored in the table of this kind.
rows_rejected INTEGER: Rows rejected, stored in rejects.
ingested_at TIMESTAMP WITH TIME ZONE: When the rows became visible, UTC.';
