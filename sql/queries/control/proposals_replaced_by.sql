-- Grain: one row per open proposal that a run of $run_ids replaces: another run of the same or a later day that has a
-- portfolio in common with it; of several the latest.
-- Parameters: $run_ids VARCHAR[].
SELECT
    waiting.run_id,
    arg_max(runs.run_id, (runs.as_of_date, runs.run_id)) AS replaced_by,
    max(runs.as_of_date) AS as_of_date
FROM proposal_history AS waiting
JOIN runs ON runs.run_id <> waiting.run_id
    AND runs.as_of_date >= waiting.as_of_date
    AND list_has_any(runs.portfolio_ids, waiting.portfolio_ids)
WHERE waiting.outcome = 'open' AND list_contains($run_ids::VARCHAR[], runs.run_id)
GROUP BY waiting.run_id
ORDER BY min(waiting.event_id);
