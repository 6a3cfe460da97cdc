-- Copies accepted rows from $first_ingest_id on to rejects, as they were stored. remove_rows comes next.
-- {table}: the table of the kind; {which}: a condition on its rows. Parameters: $first_ingest_id, $rule, $reason, $most
-- (rows at most, the first ones).
INSERT INTO rejects BY NAME
SELECT
    ingest_id,
    row_number,
    to_json(struct_pack(*COLUMNS(* EXCLUDE (ingest_id, row_number)))) AS row_json,
    $rule::VARCHAR AS rule,
    $reason::VARCHAR AS reason
FROM {table}
WHERE ingest_id >= $first_ingest_id AND {which}
ORDER BY row_number
LIMIT $most;
