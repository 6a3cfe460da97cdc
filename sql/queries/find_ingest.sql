-- Grain: the ingest that the same content gave already, one row or none: an ingest counts until a later one of its kind
-- and day is accepted, a refused one as well. Lists without a date of their own (assets, restrictions) count until a
-- later one comes: unchanged since an earlier day, they are the same ingest.
-- Parameters: $kind VARCHAR, $as_of_date DATE (null: content with many days, any day of it), $sha256 VARCHAR.
SELECT
    ingest_id,
    as_of_date,
    rows_read,
    rows_accepted,
    rows_rejected,
    refusal
FROM (
    SELECT
        *,
        coalesce(
            bool_or(refusal IS NULL) OVER (
                PARTITION BY CASE WHEN $as_of_date::DATE IS NULL THEN as_of_date END
                ORDER BY as_of_date DESC, ingest_id DESC
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ),
            false
        ) AS is_replaced
    FROM ingests
    WHERE kind = $kind
    AND (
        $as_of_date::DATE IS NULL
        OR as_of_date = $as_of_date::DATE
        OR (as_of_date < $as_of_date::DATE AND kind IN ('assets', 'restrictions'))
    )
)
WHERE sha256 = $sha256 AND NOT is_replaced
ORDER BY ingest_id DESC
LIMIT 1;
