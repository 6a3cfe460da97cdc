-- Makes a table again for this connection alone, with the rows of the portfolios from one name on and before another.
-- {warehouse}: the open database. {table}: the table. {first}, {end}: the names, as literals.
CREATE OR REPLACE TEMP VIEW {table} AS
FROM "{warehouse}".main.{table}
WHERE portfolio_id >= {first} AND portfolio_id < {end};
