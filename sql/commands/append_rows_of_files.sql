-- Appends the rows that some files of a table have, once more: into one file.
-- {table}: the table. {files}: the files as DuckLake names them, literals. Parameters: none.
INSERT INTO {table} BY NAME
SELECT *
FROM {table}
WHERE filename IN ({files});
