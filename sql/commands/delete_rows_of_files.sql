-- Deletes the rows that some files of a table have: DuckLake leaves such files out from then on.
-- {table}: the table. {files}: the files as DuckLake names them, literals. Parameters: none.
DELETE FROM {table}
WHERE filename IN ({files});
