-- For: an operator
-- Question: Which rows of the files were rejected, and what must be corrected?
-- Returns: a row per rejected row of an effective file: its place, the rule it broke, its content.
SELECT as_of_date, source, row_number, reason, row_json
FROM rejected_rows
WHERE is_effective
ORDER BY as_of_date DESC, source, row_number;
