-- Failures: fingerprints of the run that are empty.
-- Parameters: $run_id VARCHAR.
SELECT
    NULL::VARCHAR AS portfolio_id,
    format('{} is empty', fingerprint) AS detail
FROM (
    UNPIVOT (SELECT input_fingerprint, config_fingerprint, code_fingerprint FROM runs WHERE run_id = $run_id)
    ON COLUMNS(*)
    INTO NAME fingerprint VALUE content
)
WHERE trim(content) = ''
ORDER BY ALL;
