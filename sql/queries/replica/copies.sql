-- Grain: one row per attempt to copy to PostgreSQL, newest first.
-- Parameters: none.
SELECT
    copied_at,
    target,
    n_runs,
    n_rows,
    error
FROM copies
ORDER BY copied_at DESC;
