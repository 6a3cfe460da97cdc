-- Writes a table into a Parquet file, its rows in the order in which they were appended.
-- {table}: the table. {file}: the file, as a literal.
COPY {table} TO {file} (FORMAT parquet, COMPRESSION zstd);
