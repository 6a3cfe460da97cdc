-- For: an auditor
-- Question: Was a published run computed again, and was the result the same?
-- Returns: a row per replay, newest first, with the first value that differed.
SELECT
    replays.replayed_at,
    replays.run_id,
    replays.is_identical,
    replays.n_differences,
    min(format(
        '{}.{} of {}: {} -> {}',
        replay_differences.table_name,
        coalesce(replay_differences.column_name, 'row'),
        coalesce(replay_differences.row_key, replay_differences.portfolio_id),
        coalesce(replay_differences.published, 'none'),
        coalesce(replay_differences.replayed, 'none')
    )) AS first_difference
FROM replays
LEFT JOIN replay_differences USING (replay_id)
GROUP BY ALL
ORDER BY replays.replayed_at DESC;
