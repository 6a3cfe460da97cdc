-- Whether an ingest came with a content of many days: a file of one day counts before it, and does not replace it. Rows
-- of earlier releases keep null. And a portfolio that holds nothing can be named among the positions.

ALTER TABLE ingests ADD COLUMN has_many_days BOOLEAN;
COMMENT ON COLUMN ingests.has_many_days IS 'Whether it came with a content of many days, which has one ingest a day. Null: read by an earlier release.';
COMMENT ON TABLE ingests IS 'One row per file or table read and day. The same content twice in a row is one ingest; the newest ingest of a kind and day counts, as a whole.';
COMMENT ON TABLE positions IS 'One row per ingest, day, portfolio and asset held. Cash is not a position: a row CASH of weight 1 says that the portfolio holds nothing. The newest ingest of an as_of_date counts, as a whole.';
COMMENT ON TABLE assets IS 'One row per ingest and asset. The newest ingest up to a day counts, as a whole.';
