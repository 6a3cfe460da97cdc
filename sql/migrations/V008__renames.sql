-- Assets that get another name: a list like the restrictions. The kinds of ingests are no longer a CHECK, which DuckDB
-- cannot change: the table is made again with the same rows, and the code knows the kinds.

CREATE TABLE renames (
    ingest_id BIGINT NOT NULL,
    row_number INTEGER NOT NULL,
    old VARCHAR NOT NULL,
    new VARCHAR NOT NULL,
    valid_from DATE NOT NULL,
    CHECK (old <> new)
);
COMMENT ON TABLE renames IS 'One row per ingest, old name and day from which the new one counts. The newest ingest up to a day counts, as a whole.';
COMMENT ON COLUMN renames.ingest_id IS 'Ingest that the row came with, see ingests.';
COMMENT ON COLUMN renames.row_number IS 'Place of the row in its source; 1 is the first data row.';
COMMENT ON COLUMN renames.old IS 'Name of the asset before.';
COMMENT ON COLUMN renames.new IS 'Name of the asset from that day on; what is known of the old one counts for it.';
COMMENT ON COLUMN renames.valid_from IS 'First day of the new name, exchange date.';

CREATE TEMP TABLE ingests_before AS FROM ingests;
DROP TABLE ingests;
CREATE TABLE ingests (
    ingest_id BIGINT PRIMARY KEY,
    kind VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    as_of_date DATE NOT NULL,
    rows_read INTEGER NOT NULL,
    rows_accepted INTEGER NOT NULL CHECK (rows_accepted >= 0),
    rows_rejected INTEGER NOT NULL CHECK (rows_rejected >= 0),
    ingested_at TIMESTAMPTZ NOT NULL,
    refusal VARCHAR,
    has_many_days BOOLEAN,
    CHECK (rows_read = rows_accepted + rows_rejected)
);
INSERT INTO ingests BY NAME FROM ingests_before;
DROP TABLE ingests_before;
COMMENT ON TABLE ingests IS 'One row per file or table read and day. The same content twice in a row is one ingest; the newest ingest of a kind and day counts, as a whole.';
COMMENT ON COLUMN ingests.ingest_id IS 'Number of the ingest, rising; the higher one is the newer one.';
COMMENT ON COLUMN ingests.kind IS 'What was read: scores, assets, positions, restrictions, renames, prices.';
COMMENT ON COLUMN ingests.source IS 'Path, address or query that was read.';
COMMENT ON COLUMN ingests.sha256 IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN ingests.as_of_date IS 'Trading day that the content describes, exchange date.';
COMMENT ON COLUMN ingests.rows_read IS 'Data rows read: accepted and rejected together.';
COMMENT ON COLUMN ingests.rows_accepted IS 'Rows stored in the table of this kind.';
COMMENT ON COLUMN ingests.rows_rejected IS 'Rows refused, stored in rejects.';
COMMENT ON COLUMN ingests.ingested_at IS 'When the rows became visible, UTC.';
COMMENT ON COLUMN ingests.refusal IS 'Why the content was refused whole, in words: it counts for nothing, and every row of it that could be read is in rejects. Null: it was accepted.';
COMMENT ON COLUMN ingests.has_many_days IS 'Whether it came with a content of many days, which has one ingest a day. Null: read by an earlier release.';
