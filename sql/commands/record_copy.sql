-- Appends one row to copies and returns when the attempt ended.
-- Parameters: $copied_at, $target, $n_runs, $n_rows, $error.
INSERT INTO copies BY NAME
SELECT
    $copied_at::TIMESTAMPTZ AS copied_at,
    $target::VARCHAR AS target,
    $n_runs::INTEGER AS n_runs,
    $n_rows::BIGINT AS n_rows,
    $error::VARCHAR AS error
RETURNING copied_at;
