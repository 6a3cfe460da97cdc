-- Failures: ingests whose rows are not the ones that are stored: read = accepted + rejected, accepted rows are in the
-- table of the kind and nowhere else, rejected ones in rejects or counted as not kept, and a rejected file has no accepted row.
-- Parameters: none.
SELECT format(
    'ingest {}: {} rows read, {} accepted ({} stored as {}), {} rejected ({} in rejects, {} not kept)',
    ingest_id,
    coalesce(ingests.rows_read::VARCHAR, 'no'),
    coalesce(ingests.rows_accepted::VARCHAR, 'none'),
    coalesce(accepted.n_rows, 0),
    coalesce(accepted.kind, ingests.kind, 'nothing known'),
    coalesce(ingests.rows_rejected::VARCHAR, 'none'),
    coalesce(rejected.n_rows, 0),
    coalesce(ingests.rejects_not_kept, 0)
) AS detail
FROM ingests
FULL JOIN (
    SELECT ingest_id, kind, count(*) AS n_rows
    FROM (
        SELECT ingest_id, 'scores' AS kind FROM scores
        UNION ALL
        SELECT ingest_id, 'assets' FROM assets
        UNION ALL
        SELECT ingest_id, 'positions' FROM positions
        UNION ALL
        SELECT ingest_id, 'accounts' FROM accounts
        UNION ALL
        SELECT ingest_id, 'restrictions' FROM restrictions
        UNION ALL
        SELECT ingest_id, 'renames' FROM renames
        UNION ALL
        SELECT ingest_id, 'prices' FROM prices
    )
    GROUP BY ALL
) AS accepted USING (ingest_id)
FULL JOIN (SELECT ingest_id, count(*) AS n_rows FROM rejects GROUP BY ingest_id) AS rejected USING (ingest_id)
WHERE ingests.kind IS NULL
OR accepted.kind <> ingests.kind
OR ingests.rows_read <> ingests.rows_accepted + ingests.rows_rejected
OR ingests.rows_accepted <> coalesce(accepted.n_rows, 0)
OR ingests.rows_rejected <> coalesce(rejected.n_rows, 0) + coalesce(ingests.rejects_not_kept, 0)
OR (ingests.refusal IS NOT NULL AND ingests.rows_accepted > 0)
ORDER BY ingest_id;
