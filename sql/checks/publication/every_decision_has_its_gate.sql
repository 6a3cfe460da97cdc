-- Failures: candidates that are not selected and no gate stopped, selected ones that a gate stopped, and decisions
-- without whether the slot was reserved.
-- Since: V002. Parameters: $run_id VARCHAR.
SELECT
    portfolio_id,
    format(
        '{} has is_selected {}, gate {}, is_reserved {}',
        asset,
        is_selected::VARCHAR,
        coalesce(gate, 'null'),
        coalesce(is_reserved::VARCHAR, 'null')
    ) AS detail
FROM decisions
WHERE run_id = $run_id
AND (is_selected <> (gate IS NULL) OR is_reserved IS NULL)
ORDER BY ALL;
