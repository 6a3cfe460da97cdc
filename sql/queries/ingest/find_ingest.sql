-- Grain: the ingest of the same content, one row or none: a content counts until a later one of its kind
-- is accepted for its day, a rejected one as well. Content with many days counts until a later one of many days has one
-- of its days: a file of one day counts before it and does not replace it. Lists without a date of their own (assets,
-- restrictions, renames) count until a later one comes: unchanged since an earlier day, they are the same ingest.
-- Parameters: $kind VARCHAR, $as_of_date DATE (null: content with many days, any day of it), $sha256 VARCHAR.
WITH of_kind AS (
    SELECT
        *,
        $as_of_date::DATE IS NULL AS is_for_many_days,
        -- An earlier release did not record it: what has more than one day was read as such.
        coalesce(has_many_days, count(*) OVER (PARTITION BY sha256, ingested_at) > 1) AS is_of_many
    FROM ingests
    WHERE kind = $kind
),
judged AS (
    SELECT
        *,
        coalesce(
            bool_or(refusal IS NULL AND (is_of_many OR NOT is_for_many_days)) OVER (
                PARTITION BY CASE WHEN is_for_many_days THEN as_of_date END
                ORDER BY as_of_date DESC, ingest_id DESC
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ),
            false
        ) AS is_replaced_on_day
    FROM of_kind
    WHERE
        is_for_many_days
        OR as_of_date = $as_of_date::DATE
        OR (as_of_date < $as_of_date::DATE AND kind IN ('assets', 'restrictions', 'renames'))
)
SELECT
    ingest_id,
    as_of_date,
    rows_read,
    rows_accepted,
    rows_rejected,
    refusal
FROM judged
WHERE sha256 = $sha256
QUALIFY NOT bool_or(is_replaced_on_day) OVER (PARTITION BY ingested_at)
ORDER BY ingest_id DESC
LIMIT 1;
