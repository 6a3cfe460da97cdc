-- Grain: one row per asset that was scored on the last day before with scores of its model, and has none on the run's day.
-- In which portfolios it is held then: null when in none. The first ones, and how many there are in all.
-- Parameters: $run_id VARCHAR, $most_rows INTEGER.
WITH read AS (
    SELECT unnest(json_extract(inputs, '$.scores')::BIGINT[]) AS ingest_id, as_of_date AS day
    FROM runs
    WHERE run_id = $run_id
),
scored AS (
    SELECT scores.model, scores.asset, scores.as_of_date, read.day
    FROM scores
    JOIN read USING (ingest_id)
),
last_scored AS (
    FROM scored
    WHERE as_of_date < day
    QUALIFY as_of_date = max(as_of_date) OVER (PARTITION BY model)
),
held AS (
    SELECT
        asset,
        array_to_string(list(DISTINCT portfolio_id ORDER BY portfolio_id)[:10], ', ')
            || if(count(DISTINCT portfolio_id) > 10, format(' and {} more', count(DISTINCT portfolio_id) - 10), '')
            AS held_in
    FROM current_targets
    WHERE target_weight > 0 AND NOT is_cash
    GROUP BY asset
)
SELECT last_scored.model, last_scored.asset, last_scored.as_of_date AS last_score_date, held.held_in,
    count(*) OVER () AS n_missing
FROM last_scored
ANTI JOIN scored ON scored.model = last_scored.model AND scored.asset = last_scored.asset AND scored.as_of_date = scored.day
LEFT JOIN held ON held.asset = last_scored.asset
ORDER BY held.held_in IS NULL, last_scored.model, last_scored.asset
LIMIT $most_rows;
