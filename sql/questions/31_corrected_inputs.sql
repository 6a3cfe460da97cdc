-- For: an auditor
-- Question: Which visible targets rest on inputs that were corrected since?
-- Returns: a row per portfolio, day and corrected input, to be run again; none when all is well.
SELECT as_of_date, portfolio_id, kind, input_date, n_changed, source, corrected_at
FROM targets_on_corrected_inputs
ORDER BY as_of_date, portfolio_id;
