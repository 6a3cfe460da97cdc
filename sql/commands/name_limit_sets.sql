-- Names the sets of limits of incoming (limits: JSON text): the same set has the same limits_key, however it is written.
-- Parameters: none.
SELECT
    limits,
    left(sha256(json(limits)::VARCHAR), 32) AS limits_key
FROM incoming;
