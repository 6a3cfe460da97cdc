-- Grain: one row per ingest that a run of the day reads: what scores_for_day, assets_for_day, positions_for_day and
-- restrictions_for_day of the same parameters take their rows from.
-- Parameters: $as_of_date DATE, $since DATE (first day of the scores).
SELECT
    ingests.kind,
    ingests.as_of_date,
    ingests.ingest_id,
    ingests.source,
    ingests.sha256,
    ingests.rows_read,
    ingests.rows_accepted,
    ingests.rows_rejected,
    ingests.ingested_at
FROM ingests
WHERE ingest_id IN (
    SELECT ingest_id
    FROM effective_ingests
    WHERE kind = 'scores' AND as_of_date BETWEEN $since AND $as_of_date
    UNION ALL
    SELECT max_by(ingest_id, as_of_date)
    FROM effective_ingests
    WHERE kind IN ('assets', 'restrictions') AND as_of_date <= $as_of_date
    GROUP BY kind
    UNION ALL
    SELECT ingest_id
    FROM positions
    WHERE as_of_date <= $as_of_date
    QUALIFY dense_rank() OVER (PARTITION BY portfolio_id ORDER BY as_of_date DESC, ingest_id DESC) = 1
)
ORDER BY ingests.kind, ingests.as_of_date, ingests.ingest_id;
