-- For: an auditor
-- Question: Is every row that was read accounted for?
-- Returns: a row per ingest whose stored and rejected rows are not what was read; always none.
SELECT ingests.ingest_id, ingests.source, ingests.rows_read, stored.n_accepted, stored.n_rejected
FROM ingests
LEFT JOIN (
    SELECT ingest_id, count(*) FILTER (is_accepted) AS n_accepted, count(*) FILTER (NOT is_accepted) AS n_rejected
    FROM (
        SELECT ingest_id, true AS is_accepted FROM scores
        UNION ALL
        SELECT ingest_id, true FROM assets
        UNION ALL
        SELECT ingest_id, true FROM positions
        UNION ALL
        SELECT ingest_id, true FROM accounts
        UNION ALL
        SELECT ingest_id, true FROM restrictions
        UNION ALL
        SELECT ingest_id, true FROM prices
        UNION ALL
        SELECT ingest_id, false FROM rejects
    )
    GROUP BY ingest_id
) AS stored USING (ingest_id)
WHERE ingests.rows_accepted <> coalesce(stored.n_accepted, 0)
OR ingests.rows_rejected <> coalesce(stored.n_rejected, 0) + coalesce(ingests.rejects_not_kept, 0);
