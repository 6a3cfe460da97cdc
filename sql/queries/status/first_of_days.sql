-- Grain: one row: the first of the newest days that have a run, or scores; null when there is none.
-- Parameters: $n_days INTEGER: how many of them.
SELECT min(as_of_date) AS as_of_date
FROM (
    SELECT as_of_date FROM runs
    UNION
    SELECT as_of_date FROM ingests WHERE kind = 'scores'
    ORDER BY as_of_date DESC
    LIMIT $n_days
);
