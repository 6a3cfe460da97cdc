-- For: an operator
-- Question: Which days are not covered, or were held, declined, rejected or failed, and why?
-- Returns: a row per such day; none when all is well. A day with scores only in a file of many days is no alarm.
SELECT as_of_date, state, missing_portfolios, approval_asked, declined_reason, held_reason, failed_checks, failure
FROM run_health
WHERE NOT is_covered OR declined_reason IS NOT NULL OR held_reason IS NOT NULL OR failed_checks IS NOT NULL OR failure IS NOT NULL;
