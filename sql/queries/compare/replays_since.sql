-- Grain: one row per replay since then, in their order.
-- Parameters: $since TIMESTAMPTZ.
SELECT
    runs.as_of_date,
    replays.run_id,
    replays.replay_id,
    if(replays.is_identical, 'identical', 'different') AS state,
    replays.n_differences,
    replays.code_fingerprint <> runs.code_fingerprint AS has_other_code
FROM replays
JOIN runs USING (run_id)
WHERE replays.replayed_at >= $since::TIMESTAMPTZ
ORDER BY replays.replay_id;
