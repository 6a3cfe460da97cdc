-- What was copied to PostgreSQL, and what could not be: the copy is not part of a publication, so its failure stands here.

CREATE TABLE copies (
    copied_at TIMESTAMPTZ NOT NULL,
    target VARCHAR NOT NULL,
    n_runs INTEGER NOT NULL CHECK (n_runs >= 0),
    n_rows BIGINT NOT NULL CHECK (n_rows >= 0),
    error VARCHAR
);
COMMENT ON TABLE copies IS 'One row per attempt to copy what is published to PostgreSQL. What one attempt misses, the next one that succeeds copies.';
COMMENT ON COLUMN copies.copied_at IS 'When the attempt ended, UTC.';
COMMENT ON COLUMN copies.target IS 'Server, database and schema that were copied to, without user and password.';
COMMENT ON COLUMN copies.n_runs IS 'Runs that the copy did not have before, count; 0 after an error.';
COMMENT ON COLUMN copies.n_rows IS 'Rows written, those of current_targets included, count; 0 after an error.';
COMMENT ON COLUMN copies.error IS 'Why nothing was copied, in words; null: it was.';
