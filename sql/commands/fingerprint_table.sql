-- Returns how many rows a table has, and two hashes over all of its values, in which order does not count.
-- {table}: the table, with its database. Parameters: none.
SELECT
    count(*) AS n_rows,
    sum(hash(rows)::HUGEINT) AS hash_sum,
    bit_xor(hash(rows)) AS hash_xor
FROM {table} AS rows;
