-- Asked by: an operator
-- Question: Which rows of the files were refused, and what must be corrected?
-- Gives: a row per refused row of a file that counts: where it stands, the rule it broke, its content.
SELECT as_of_date, source, row_number, reason, row_json
FROM rejected_rows
WHERE is_effective
ORDER BY as_of_date DESC, source, row_number;
