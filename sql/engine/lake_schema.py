"""The tables, views and macros of a lake: those that the migrations make, less what DuckLake does not keep.

The migrations run in memory, as they are. What does not belong here: opening a lake.
"""

from collections.abc import Iterator
from functools import cache

import polars as pl

from sql.engine.connections import opened_in_memory, upgrade
from sql.engine.lake_connection import Guards
from sql.engine.opening import apply_migration
from sql.engine.scripts import read_scripts
from sql.engine.statements import Connection, execute, literal, query
from sql.errors import MigrationError

_NOT_KEPT = ("COMMENT ON COLUMN", "COMMENT ON MACRO")
"""What DuckLake 1.5 does not keep of views and macros; of the columns of tables it does."""


@cache
def guards() -> Guards:
    """Return what guards the tables, from their own constraints."""
    checks: dict[str, list[str]] = {}
    keys: dict[str, tuple[str, ...]] = {}
    for table, kind, expression, columns in _in_memory("guards").iter_rows():
        if kind == "CHECK":
            checks.setdefault(table, []).append(expression)
        elif table in keys:
            msg = f"table {table} has two keys, which a lake cannot guard yet"
            raise MigrationError(msg)
        else:
            keys[table] = tuple(columns)
    return Guards({table: tuple(found) for table, found in checks.items()}, keys)


def describe() -> pl.DataFrame:
    """Return the rows of the query `schema_columns` with all comments, also those that a lake does not keep."""
    with opened_in_memory({"threads": "1"}, _failed) as con:
        upgrade(con)
        return query(con, "schema_columns")


def make_tables(con: Connection) -> None:
    """Make every table, empty. *Requires* a transaction."""
    for (table,), columns in _in_memory("table_definitions").group_by("table_name", maintain_order=True):
        parts = ", ".join(_definition(column) for column in columns.iter_rows(named=True))
        execute(con, f"CREATE TABLE {table} ({parts})")
        for statement in _comments(str(table), columns):
            execute(con, statement)


def make_views(con: Connection) -> None:
    """Make every view and macro, each in the place of the one that is there. *Requires* a transaction, every table."""
    for view in read_scripts("views"):
        for statement in con.extract_statements(view.sql):
            if not statement.query.strip().startswith(_NOT_KEPT):
                execute(con, statement.query)


def _definition(column: dict[str, str | bool | None]) -> str:
    null = "" if column["is_nullable"] else " NOT NULL"
    default = f" DEFAULT {column['column_default']}" if column["column_default"] else ""
    return f'"{column["column_name"]}" {column["data_type"]}{null}{default}'


def _comments(table: str, columns: pl.DataFrame) -> Iterator[str]:
    if comment := columns["table_comment"][0]:
        yield f"COMMENT ON TABLE {table} IS {literal(comment)}"
    for name, comment in columns.select("column_name", "comment").iter_rows():
        if comment:
            yield f'COMMENT ON COLUMN {table}."{name}" IS {literal(comment)}'


@cache
def _in_memory(name: str) -> pl.DataFrame:
    """Return the rows of a query of the catalog in a warehouse that the migrations made in memory."""
    with opened_in_memory({"threads": "1"}, _failed) as con:
        for migration in read_scripts("migrations"):
            apply_migration(con, migration)
        return query(con, name)


def _failed(error: Exception) -> MigrationError:
    return MigrationError(f"the migrations fail in memory: {error}")
