-- Grain: one row per value that replays since then computed differently, the first of them, with the run.
-- Parameters: $since TIMESTAMPTZ, $n_rows BIGINT.
SELECT
    replays.run_id,
    replay_differences.table_name,
    replay_differences.portfolio_id,
    replay_differences.row_key,
    replay_differences.column_name,
    replay_differences.published,
    replay_differences.replayed
FROM replay_differences
JOIN replays USING (replay_id)
WHERE replays.replayed_at >= $since::TIMESTAMPTZ
ORDER BY
    replays.replay_id,
    replay_differences.table_name,
    replay_differences.portfolio_id,
    replay_differences.row_key,
    replay_differences.column_name
LIMIT $n_rows;
