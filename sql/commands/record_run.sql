-- Appends one row to runs.
-- Parameters: $run_id, $as_of_date, $n_portfolios, $input_fingerprint, $config_fingerprint, $code_fingerprint,
-- $inputs (JSON text), $flow_run_id, $created_at.
INSERT INTO runs BY NAME
SELECT
    $run_id::VARCHAR AS run_id,
    $as_of_date::DATE AS as_of_date,
    $n_portfolios::INTEGER AS n_portfolios,
    $input_fingerprint::VARCHAR AS input_fingerprint,
    $config_fingerprint::VARCHAR AS config_fingerprint,
    $code_fingerprint::VARCHAR AS code_fingerprint,
    $inputs::JSON AS inputs,
    $flow_run_id::VARCHAR AS flow_run_id,
    $created_at::TIMESTAMPTZ AS created_at;
