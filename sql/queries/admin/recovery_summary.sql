-- Grain: one row: how often the file was opened after an unclean stop, and when last.
-- Parameters: none.
SELECT
    count(*) AS n_recoveries,
    max(recovered_at) AS last_recovered_at
FROM recoveries;
