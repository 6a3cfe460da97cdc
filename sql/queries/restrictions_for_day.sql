-- Grain: one row per restriction that holds on the day, from the newest restrictions ingest up to the day: the latest
-- day, of this the newest ingest.
-- Parameters: $as_of_date DATE.
SELECT
    restrictions.portfolio_id,
    restrictions.asset,
    restrictions.restriction,
    restrictions.reason,
    restrictions.valid_from,
    restrictions.valid_until,
    restrictions.ingest_id,
    restrictions.row_number
FROM restrictions
WHERE restrictions.ingest_id = (
    SELECT ingest_id
    FROM ingests
    WHERE kind = 'restrictions' AND as_of_date <= $as_of_date AND refusal IS NULL
    ORDER BY as_of_date DESC, ingest_id DESC
    LIMIT 1
)
AND coalesce(restrictions.valid_from <= $as_of_date, true)
AND coalesce(restrictions.valid_until >= $as_of_date, true)
ORDER BY restrictions.portfolio_id NULLS FIRST, restrictions.asset, restrictions.restriction, restrictions.row_number;
