-- Grain: one row per portfolio and published day whose visible targets rest on inputs corrected since: which kinds, and
-- what was read last, when.
-- Parameters: none.
SELECT
    as_of_date,
    portfolio_id,
    list(DISTINCT kind ORDER BY kind) AS kinds,
    arg_max(source, ingest_id) AS source,
    max(corrected_at) AS corrected_at
FROM targets_on_corrected_inputs
GROUP BY as_of_date, portfolio_id
ORDER BY as_of_date, portfolio_id;
