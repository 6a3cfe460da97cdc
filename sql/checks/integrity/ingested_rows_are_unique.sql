-- Failures: keys that an ingest has more than once, and row numbers that stand for more than one row of it. Large
-- tables have no primary key: this is the proof. (A file with many days numbers its rows over all of them.)
-- Parameters: none.
SELECT format('ingest {} has {} {} times in {}', ingest_id, key, count(*), table_name) AS detail
FROM (
    SELECT 'scores' AS table_name, ingest_id, concat_ws(' ', as_of_date, model, asset) AS key FROM scores
    UNION ALL
    SELECT 'assets', ingest_id, asset FROM assets
    UNION ALL
    SELECT 'positions', ingest_id, concat_ws(' ', as_of_date, portfolio_id, asset) FROM positions
    UNION ALL
    SELECT 'accounts', ingest_id, concat_ws(' ', as_of_date, portfolio_id) FROM accounts
    UNION ALL
    SELECT 'renames', ingest_id, concat_ws(' ', valid_from, old) FROM renames
    UNION ALL
    SELECT 'prices', ingest_id, concat_ws(' ', as_of_date, asset) FROM prices
)
GROUP BY table_name, ingest_id, key
HAVING count(*) > 1
UNION ALL
SELECT format('ingest {} has {} rows with row_number {}', ingest_id, count(*), row_number)
FROM (
    SELECT ingest_id, row_number FROM scores
    UNION ALL
    SELECT ingest_id, row_number FROM assets
    UNION ALL
    SELECT ingest_id, row_number FROM positions
    UNION ALL
    SELECT ingest_id, row_number FROM accounts
    UNION ALL
    SELECT ingest_id, row_number FROM restrictions
    UNION ALL
    SELECT ingest_id, row_number FROM renames
    UNION ALL
    SELECT ingest_id, row_number FROM prices
    UNION ALL
    SELECT ingest_id, row_number FROM rejects
)
GROUP BY ingest_id, row_number
HAVING count(*) > 1
ORDER BY ALL;
