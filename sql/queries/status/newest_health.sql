-- Grain: one row per day from the given one on that has a run, or scores, the newest first.
-- Parameters: $first DATE.
FROM run_health
WHERE as_of_date >= $first::DATE
ORDER BY as_of_date DESC;
