-- Appends one row to replays and returns its replay_id, the highest plus 1.
-- Parameters: $run_id, $by, $code_fingerprint, $n_differences, $replayed_at.
INSERT INTO replays BY NAME
SELECT
    (SELECT coalesce(max(replay_id), 0) + 1 FROM replays) AS replay_id,
    $run_id::VARCHAR AS run_id,
    $replayed_at::TIMESTAMPTZ AS replayed_at,
    $by::VARCHAR AS "by",
    $code_fingerprint::VARCHAR AS code_fingerprint,
    $n_differences::BIGINT = 0 AS is_identical,
    $n_differences::BIGINT AS n_differences
RETURNING replay_id;
