-- Grain: one row per restriction of the ingests, in force or not.
-- Parameters: $ingest_ids BIGINT[].
SELECT
    ingest_id,
    portfolio_id,
    asset,
    restriction,
    reason,
    valid_from,
    valid_until
FROM restrictions
WHERE ingest_id IN (SELECT unnest($ingest_ids::BIGINT[]))
ORDER BY portfolio_id NULLS FIRST, asset, restriction, row_number, ingest_id;
