-- Grain: one row: the ingests whose account values and prices count on the day (null: none), and whether any account was
-- ever valued.
-- Parameters: $as_of_date DATE.
SELECT
    max(ingest_id) FILTER (kind = 'accounts' AND as_of_date = $as_of_date::DATE) AS accounts_ingest_id,
    max(ingest_id) FILTER (kind = 'prices' AND as_of_date = $as_of_date::DATE) AS prices_ingest_id,
    count(*) FILTER (kind = 'accounts') > 0 AS has_accounts
FROM effective_ingests;
