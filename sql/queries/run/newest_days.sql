-- Grain: one row per portfolio: its newest day of which targets are visible or wait for approval.
-- Parameters: none. Reads only what the first migration made: it runs before a warehouse is migrated.
SELECT
    portfolio_id,
    max(as_of_date) AS as_of_date
FROM (
    SELECT portfolio_id, as_of_date FROM visible_runs
    UNION ALL
    SELECT unnest(portfolio_ids) AS portfolio_id, as_of_date
    FROM latest_runs
    WHERE state = 'proposed'
)
GROUP BY portfolio_id
ORDER BY portfolio_id;
