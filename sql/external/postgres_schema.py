"""The tables of the copy in PostgreSQL, made from the warehouse's own: names, types, comments, and what is unique.

What does not belong here: the rows.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

import polars as pl

from sql.errors import WarehouseError
from sql.external.postgres import Connection, execute

UNIQUE: Final[Mapping[str, tuple[str, ...]]] = {
    "runs": ("run_id",),
    "limit_sets": ("limits_key",),
    "run_portfolios": ("run_id", "portfolio_id"),
    "run_events": ("event_id",),
    "proposals": ("event_id", "portfolio_id"),
    "halts": ("halt_id",),
    "decisions": ("run_id", "portfolio_id", "asset"),
    "sizing_audit": ("run_id", "portfolio_id", "asset"),
    "sizing_summary": ("run_id", "portfolio_id"),
    "targets": ("run_id", "portfolio_id", "asset"),
    "trade_summary": ("run_id", "portfolio_id"),
    "constraint_checks": ("run_id", "portfolio_id", "constraint_name", "basis"),
    "lifecycle": ("run_id", "portfolio_id", "asset"),
    "risk_estimates": (),
    "current_targets": ("portfolio_id", "asset"),
    "current_orders": ("portfolio_id", "asset"),
    "current_order_status": ("portfolio_id",),
}
"""What is copied, and the primary key of each table; none where a column that it would need may be null."""

_TYPES: Final[Mapping[str, str]] = {
    "VARCHAR": "text",
    "VARCHAR[]": "text[]",
    "JSON": "json",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "DOUBLE": "double precision",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "DATE[]": "date[]",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
}
_DECIMAL: Final = re.compile(r"DECIMAL(\(\d+,\d+\))")


def use_schema(con: Connection, schema: str) -> None:
    """Create the schema when it is missing, and let names stand for its tables until the transaction ends."""
    if not execute(con, "SELECT 1 AS found FROM pg_namespace WHERE nspname = $1", schema):
        execute(con, f'CREATE SCHEMA "{schema}"')
    execute(con, f'SET LOCAL search_path TO "{schema}"')


def create_tables(con: Connection, columns: pl.DataFrame) -> None:
    """Create what is missing in the schema in use: tables, and columns that a later version added. Rows stay.

    *Requires* `columns` as the query `columns_to_copy` gives them.
    """
    there = execute(
        con,
        "SELECT table_name || '.' || column_name AS name FROM information_schema.columns "
        "WHERE table_schema = current_schema()",
    )
    is_new = ~(pl.col("table_name") + "." + pl.col("column_name")).is_in([name for (name,) in there])
    new = columns.with_columns(is_new_table=is_new.all().over("table_name")).filter(is_new)
    tables = new.partition_by("table_name", maintain_order=True)
    if statements := [statement for rows in tables for statement in _statements(rows)]:
        # A block is one round trip to the server instead of more than a hundred.
        execute(con, f"DO $ballast$ BEGIN {'; '.join(statements)}; END $ballast$")


def _statements(rows: pl.DataFrame) -> Iterator[str]:
    table = rows["table_name"][0]
    columns = [
        f'"{row["column_name"]}" {_type_in_postgres(row["data_type"])}{_default(row["column_default"])}'
        for row in rows.iter_rows(named=True)
    ]
    if rows["is_new_table"][0]:
        key = [f"PRIMARY KEY ({', '.join(UNIQUE[table])})"] if UNIQUE[table] else []
        yield f"CREATE TABLE {table} ({', '.join([*columns, *key])})"
        yield f"COMMENT ON TABLE {table} IS {_text(rows['table_comment'][0])}"
    else:
        yield f"ALTER TABLE {table} {', '.join(f'ADD COLUMN {column}' for column in columns)}"
        if new_keys := [name for name in UNIQUE[table] if name in rows["column_name"]]:
            # Rows that are there have the default: their key was unique without it.
            yield f"ALTER TABLE {table} {', '.join(f'ALTER COLUMN {name} SET NOT NULL' for name in new_keys)}"
            yield f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey, ADD PRIMARY KEY ({', '.join(UNIQUE[table])})"
    for column, comment in rows.select("column_name", "column_comment").iter_rows():
        yield f'COMMENT ON COLUMN {table}."{column}" IS {_text(comment)}'


def _default(default: str | None) -> str:
    return "" if default is None else f" DEFAULT {default}"


def _type_in_postgres(data_type: str) -> str:
    decimal = _DECIMAL.fullmatch(data_type)
    if not decimal and data_type not in _TYPES:
        msg = f"columns of type {data_type} cannot be copied to PostgreSQL: expected {', '.join(_TYPES)}, DECIMAL"
        raise WarehouseError(msg)
    return f"numeric{decimal[1]}" if decimal else _TYPES[data_type]


def _text(comment: str) -> str:
    return "'" + comment.replace("'", "''") + "'"
