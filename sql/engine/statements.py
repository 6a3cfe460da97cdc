"""Run the .sql files over an open connection, every result drained.

What does not belong here: opening a connection, errors of DuckDB; these are in connections.py.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

import polars as pl

from sql.engine.scripts import read_script
from sql.engine.table_contracts import Rows, RunRows, check_columns
from sql.errors import WarehouseError
from sql.records import StoredRows

_ROWS_AT_ONCE = 1_000_000

Connection: TypeAlias = Any
"""A DuckDB connection, which only connections.py imports."""


@contextmanager
def transaction(con: Connection) -> Iterator[None]:
    """Commit when the block succeeds, leave only by rollback otherwise."""
    # COMMIT after a failed statement reports success, and some errors do not abort.
    con.begin()
    is_committed = False
    try:
        yield
        con.commit()
        is_committed = True
    finally:
        if not is_committed:
            # After some errors DuckDB has rolled back already; the error itself says what happened.
            with suppress(Exception):
                con.rollback()


def execute(con: Connection, sql: str, /, **parameters: object) -> list[tuple[Any, ...]]:
    """Run statements and return the rows of the last one."""
    rows: list[tuple[Any, ...]] = con.execute(sql, parameters or None).fetchall()
    return rows


def command(con: Connection, name: str, /, **parameters: object) -> Any:  # noqa: ANN401 - the value it returns
    """Run sql/commands/<name>.sql, which appends one row, and return its single value."""
    return execute(con, read_script("commands", name).sql, **parameters)[0][0]


def append(con: Connection, name: str, incoming: pl.DataFrame, /, **parameters: object) -> pl.DataFrame:  # noqa: ARG001 - found by its name
    """Run sql/commands/<name>.sql, which reads the frame as `incoming`, and return its rows."""
    # DuckDB finds the frame by its name, as in `insert`.
    frame: pl.DataFrame = con.execute(read_script("commands", name).sql, parameters or None).pl()
    return frame


def fill(name: str, /, **identifiers: str) -> str:
    """Return sql/commands/<name>.sql with the names of our own tables and columns in their places."""
    return read_script("commands", name).sql.format(**identifiers)


def query(con: Connection, name: str, /, **parameters: object) -> pl.DataFrame:
    """Run the query <name>.sql of sql/queries. *Raises* `WarehouseError` for other parameters than it has."""
    sql = read_script("queries", name).sql
    expected = con.extract_statements(sql)[0].named_parameters
    if set(parameters) != expected:
        msg = f"query {name} got parameters {sorted(parameters)}, expected exactly {sorted(expected)}"
        raise WarehouseError(msg)
    return read(con, sql, **parameters)


def read(con: Connection, sql: str, /, **parameters: object) -> pl.DataFrame:
    """Run one query and return its rows as a frame."""
    # A relation with parameters is kept as values, which take ten times as long to become a frame.
    frame: pl.DataFrame = con.execute(sql, parameters or None).pl()
    return frame


def read_tables(con: Connection) -> None:
    """Read every value of every table."""
    for table in tables(con):
        read(con, fill("scan_table", table=table))


def has_table(con: Connection, table: str) -> bool:
    """Whether the database has the table."""
    return table in tables(con)


def tables(con: Connection) -> tuple[str, ...]:
    """Return the names of the tables of the database, in order."""
    return tuple(query(con, "tables")["table_name"])


def columns_of(con: Connection, table: str, without: str) -> dict[str, str]:
    """Return the columns of a table and their types, without the one that the caller adds."""
    found = query(con, "columns_of_table", table=table).rows()
    return {column: data_type for column, data_type in found if column != without}


def check_frames(con: Connection, frames: Mapping[str, RunRows], without: str) -> None:
    """Compare frames with the columns of their tables. *Raises* `WarehouseError` where one does not fit."""
    for table, frame in frames.items():
        if not isinstance(frame, StoredRows):  # the lake compares each file
            check_columns(table, frame, columns_of(con, table, without))


def insert(con: Connection, table: str, rows: Rows) -> None:
    """Append the rows of a frame, by name. *Requires* `check_frames`.

    Those of a lazy frame, which are many, are appended in any order: keeping it takes half as long again.
    """
    if isinstance(rows, pl.LazyFrame):
        with _in_any_order(con):
            for part in rows.collect_batches(chunk_size=_ROWS_AT_ONCE, lazy=True):
                insert(con, table, part)
    elif rows.height:
        _insert(con, table, rows)


@contextmanager
def _in_any_order(con: Connection) -> Iterator[None]:
    con.execute("SET preserve_insertion_order = false")
    try:
        yield
    finally:
        con.execute("RESET preserve_insertion_order")


def _insert(con: Connection, table: str, incoming: pl.DataFrame) -> None:  # noqa: ARG001 - DuckDB reads it
    # DuckDB finds the frame by its name here: one that is registered would be kept until the transaction ends.
    con.execute(f"INSERT INTO {table} BY NAME SELECT * FROM incoming").fetchall()  # noqa: S608 - one of our own tables


def put_decisions(con: Connection, decisions: pl.DataFrame) -> None:
    """Let a connection read entry score, rival and reason of these decisions in the place of those stored."""
    con.register("given_decisions", decisions)
    execute(con, fill("put_decisions", warehouse=_current_database(con)))


@contextmanager
def looking_at_part(con: Connection, tables: Sequence[str], first: str, end: str) -> Iterator[None]:
    """Let a connection see only the rows of the portfolios from one name on and before another in these tables.

    *Requires* a transaction, which is rolled back when the block fails.
    """
    names = {"warehouse": _current_database(con), "first": literal(first), "end": literal(end)}
    for table in tables:
        execute(con, fill("look_at_part", table=table, **names))
    yield
    for table in tables:
        execute(con, f"DROP VIEW temp.{table}")


def copy_database(con: Connection, path: Path) -> None:
    """Copy the whole database of the connection into a new file."""
    live = _current_database(con)
    execute(con, f"ATTACH {literal(path)} AS ballast_copy")
    try:
        execute(con, f'COPY FROM DATABASE "{live}" TO ballast_copy')
    finally:
        execute(con, "DETACH ballast_copy")


@contextmanager
def using(con: Connection, path: Path) -> Iterator[None]:
    """Query another database file instead of the own one while the block runs, read-only."""
    live = _current_database(con)
    execute(con, f"ATTACH {literal(path)} AS ballast_other (READ_ONLY)")
    try:
        execute(con, "USE ballast_other")
        yield
    finally:
        execute(con, f'USE "{live}"; DETACH ballast_other')


def _current_database(con: Connection) -> str:
    return str(execute(con, "SELECT current_database()")[0][0]).replace('"', '""')


def literal(text: Path | str) -> str:
    """Quote a text for a statement that takes no parameter."""
    quoted = str(text).replace("'", "''")
    return f"'{quoted}'"
