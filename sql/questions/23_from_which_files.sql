-- For: an auditor
-- Question: From which scores was this day computed, and from which files did they come?
-- Returns: a row per file of scores that the published run of the day read.
SELECT DISTINCT ingests.as_of_date, ingests.source, ingests.sha256, ingests.ingested_at, runs.run_id
FROM visible_runs
JOIN runs USING (run_id)
JOIN ingests ON list_contains(json_extract(runs.inputs, '$.scores')::BIGINT[], ingests.ingest_id)
WHERE visible_runs.as_of_date = DATE '2025-06-06'
ORDER BY ingests.as_of_date;
