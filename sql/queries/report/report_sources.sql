-- Grain: one row per ingest that one of the runs named has read: scores, assets, restrictions, renames, prices and positions.
-- Parameters: $run_ids VARCHAR[].
SELECT
    kind,
    as_of_date,
    source,
    rows_read,
    rows_rejected,
    sha256,
    ingested_at
FROM ingests
WHERE ingest_id IN (
    SELECT unnest(
        json_extract(inputs, '$.scores')::BIGINT[]
        || json_extract(inputs, '$.assets')::BIGINT[]
        || json_extract(inputs, '$.restrictions')::BIGINT[]
        || coalesce(json_extract(inputs, '$.renames')::BIGINT[], [])
        || coalesce(json_extract(inputs, '$.former_assets')::BIGINT[], [])
        || coalesce(json_extract(inputs, '$.prices')::BIGINT[], [])
    )
    FROM runs
    WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[]))
    UNION
    SELECT held_ingest_id
    FROM run_portfolios
    WHERE run_id IN (SELECT unnest($run_ids::VARCHAR[])) AND held_ingest_id IS NOT NULL
)
ORDER BY kind, as_of_date, ingest_id;
