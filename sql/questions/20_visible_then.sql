-- For: an auditor
-- Question: What could execution see at a given moment?
-- Returns: current_targets as it was then; the time is UTC unless it has a time zone.
FROM targets_as_of(TIMESTAMPTZ '2100-01-01 00:00:00+00');
