-- Grain: one row per portfolio whose newest visible day is this one, that is not ordered yet and not halted: the run that
-- is visible. Runs before V011 have no book after their trades, and no orders.
-- Parameters: $as_of_date DATE.
WITH newest AS (
    SELECT run_id, portfolio_id FROM current_runs WHERE as_of_date = $as_of_date::DATE
)
SELECT
    newest.run_id,
    newest.portfolio_id
FROM newest
ANTI JOIN (FROM order_status SEMI JOIN newest USING (run_id, portfolio_id) WHERE status = 'ordered') AS ordered
    USING (run_id, portfolio_id)
ANTI JOIN halts_in_force ON halts_in_force.portfolio_id IS NULL OR halts_in_force.portfolio_id = newest.portfolio_id
SEMI JOIN (
    FROM targets WHERE run_id IN (SELECT DISTINCT run_id FROM newest) AND post_trade_weight IS NOT NULL
) AS traded USING (run_id, portfolio_id)
ORDER BY ALL;
