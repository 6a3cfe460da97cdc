-- Grain: one row per portfolio and asset, and one of CASH: the targets of a published run against those of another.
-- Parameters: $from_run VARCHAR, $to_run VARCHAR.
FROM run_difference($from_run, $to_run);
