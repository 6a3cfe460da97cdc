-- Grain: one row per portfolio that positions of the day or of a day before it named, and what a run of the day takes as
-- held of it when the day's own do not name it: targets, positions, or nothing. It also runs on snapshots of earlier
-- releases too.
-- Parameters: $day DATE.
WITH counted AS (
    SELECT
        ingest_id,
        as_of_date
    FROM ingests
    WHERE kind = 'positions' AND refusal IS NULL AND as_of_date <= $day::DATE
    QUALIFY row_number() OVER (PARTITION BY as_of_date ORDER BY ingest_id DESC) = 1
),
last_named AS (
    SELECT
        positions.portfolio_id,
        max(counted.as_of_date) FILTER (counted.as_of_date < $day::DATE) AS as_of_date
    FROM positions
    LEFT JOIN counted USING (ingest_id)
    JOIN ingests USING (ingest_id)
    WHERE ingests.as_of_date <= $day::DATE
    GROUP BY positions.portfolio_id
),
last_visible AS (
    SELECT
        portfolio_id,
        max(as_of_date) AS as_of_date
    FROM visible_runs
    WHERE as_of_date < $day::DATE
    GROUP BY portfolio_id
)
SELECT
    portfolio_id,
    CASE
        WHEN last_visible.as_of_date >= last_named.as_of_date THEN 'targets'
        WHEN last_named.as_of_date IS NOT NULL THEN 'positions'
        WHEN last_visible.as_of_date IS NOT NULL THEN 'targets'
        ELSE 'nothing'
    END AS taken
FROM last_named
LEFT JOIN last_visible USING (portfolio_id)
ORDER BY portfolio_id;
