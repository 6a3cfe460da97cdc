-- Grain: one row per view that readers trade from: how many rows it has, and a hash over all of its values.
-- Parameters: none.
SELECT
    'current_targets' AS view_name,
    count(*) AS n_rows,
    bit_xor(hash(seen)) AS fingerprint
FROM current_targets AS seen
UNION ALL
SELECT
    'visible_runs',
    count(*),
    bit_xor(hash(seen))
FROM visible_runs AS seen
ORDER BY ALL;
