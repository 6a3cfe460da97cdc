"""Read another database with a query, in batches: DuckDB, SQLite, PostgreSQL. Nothing there is ever changed.

What does not belong here: what the columns mean, which is for the ingest to say.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

import polars as pl
import pyarrow as pa
from polars.exceptions import PolarsError

from sql.engine.connections import read_file
from sql.errors import WarehouseError
from sql.external import postgres
from sql.external.postgres import PostgresAddress, execute

Reader: TypeAlias = Callable[[str, str, Mapping[str, object], int], Iterator[pl.DataFrame]]
"""Reads the place of an address by a query with its parameters, in frames of at most so many rows."""

_PARAMETER: Final = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|(?P<quote>\$(?:[A-Za-z_]\w*)?\$).*?(?P=quote)"""
    r"""|(?<![\w$])\$(?P<name>[A-Za-z_]\w*)""",
    re.DOTALL,
)
"""A parameter, or what only looks like one: a text, a quoted name, a comment."""

_QUERY_ACTIONS: Final = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_TYPMOD_OFFSET: Final = 4
"""PostgreSQL keeps the precision and scale of a numeric as (precision << 16 | scale) + 4."""
_MAX_PRECISION: Final = 38


def read_batches(url: str, query: str, parameters: Mapping[str, object], batch_rows: int) -> Iterator[pl.DataFrame]:
    """Run one query on another database and yield its rows in frames of at most `batch_rows`, at least one frame.

    `url`: `duckdb:///path` or only the path, `sqlite:///path` (four slashes before an absolute path), or
    `postgresql://user:password@host:port/database`. What stands in the query as `$name` is bound to the parameter of
    that name, never pasted in; parameters that it does not name are left out. Times with a zone come in UTC.

    A file is opened read-only and must be there; DuckDB and SQLite reject whatever is no query. PostgreSQL reads in a
    read-only transaction, which does not hold back a function with effects outside of the database: give it a role
    that may only read. Without parameters its rows are streamed, with parameters the answer is in memory as a whole.

    A numeric of PostgreSQL that says its precision is a Decimal, any other a Float64. SQLite has a type per value, not
    per column: each frame has the type that holds all its values, and dates are text.

    *Raises* `WarehouseError`, when the first frame is taken or later: one sentence, without the password.
    """
    bound = _bound(query, parameters)
    scheme, separator, place = url.partition("://")
    if not separator:
        scheme, place = "duckdb", f"/{url}"
    if scheme not in _READERS:
        known = ", ".join(f"{one}://" for one in _READERS)
        msg = f"databases of the kind {scheme}:// cannot be read: expected a path, or one of {known}"
        raise WarehouseError(msg)
    yield from _READERS[scheme](place, query, bound, batch_rows)


def _bound(query: str, parameters: Mapping[str, object]) -> dict[str, object]:
    named = list(dict.fromkeys(match["name"] for match in _PARAMETER.finditer(query) if match["name"]))
    if unknown := [f"${name}" for name in named if name not in parameters]:
        known = ", ".join(f"${name}" for name in parameters) or "none"
        msg = f"the query names {len(unknown)} unknown parameters, {', '.join(unknown)}: known are {known}; {query!r}"
        raise WarehouseError(msg)
    return {name: parameters[name] for name in named}


def _read_duckdb(place: str, query: str, parameters: Mapping[str, object], batch_rows: int) -> Iterator[pl.DataFrame]:
    path = _existing_file("duckdb", place)
    with _explained("DuckDB", path), read_file(path, query, parameters, batch_rows) as reader:
        yield from _frames(reader, batch_rows)


def _read_sqlite(place: str, query: str, parameters: Mapping[str, object], batch_rows: int) -> Iterator[pl.DataFrame]:
    path = _existing_file("sqlite", place)
    texts = {name: value.isoformat() if isinstance(value, date) else value for name, value in parameters.items()}
    with _explained("SQLite", path), closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as con:
        con.set_authorizer(_allow_queries)
        cursor = con.execute(query, texts)
        names = _distinct([column[0] for column in cursor.description or ()])
        rows = cursor.fetchmany(batch_rows)
        yield _frame_of_rows(rows, names)
        while rows := cursor.fetchmany(batch_rows):
            yield _frame_of_rows(rows, names)


def _read_postgres(place: str, query: str, parameters: Mapping[str, object], batch_rows: int) -> Iterator[pl.DataFrame]:
    numbers = {name: f"${number}" for number, name in enumerate(parameters, start=1)}
    numbered = _PARAMETER.sub(lambda found: numbers[found["name"]] if found["name"] else found[0], query)
    with postgres.connected(PostgresAddress(f"postgresql://{place}")) as con, con.cursor() as cursor:
        execute(con, "SET TRANSACTION READ ONLY")
        execute(con, "SET LOCAL TIME ZONE 'UTC'")
        cursor.execute(numbered, list(parameters.values()) or None)
        with cursor.fetch_record_batch() as reader:
            yield from _frames(reader, batch_rows)


_READERS: Final[Mapping[str, Reader]] = {
    "duckdb": _read_duckdb,
    "sqlite": _read_sqlite,
    "postgresql": _read_postgres,
    "postgres": _read_postgres,
}


def _existing_file(scheme: str, place: str) -> Path:
    path = Path(unquote(place.removeprefix("/"))).absolute()
    if not place.startswith("/") or not path.is_file():
        msg = f"no database at {path}: expected {scheme}:///folder/file, or {scheme}:////folder/file from the root"
        raise WarehouseError(msg)
    return path


@contextmanager
def _explained(kind: str, path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError, pa.ArrowException, PolarsError) as error:
        sentence = " ".join(str(error).split())
        msg = f"{kind} file {path}: {sentence}. Nothing there was changed: correct the query, or the file"
        raise WarehouseError(msg) from error


def _allow_queries(action: int, *_: str | None) -> int:
    return sqlite3.SQLITE_OK if action in _QUERY_ACTIONS else sqlite3.SQLITE_DENY


def _frame_of_rows(rows: list[tuple[Any, ...]], names: list[str]) -> pl.DataFrame:
    return pl.DataFrame(rows, names, orient="row", infer_schema_length=None, strict=False)


def _frames(reader: pa.RecordBatchReader, batch_rows: int) -> Iterator[pl.DataFrame]:
    _distinct(reader.schema.names)
    is_empty = True
    for batch in reader:
        for frame in _frame(pa.Table.from_batches([batch])).iter_slices(batch_rows):
            is_empty = False
            yield frame
    if is_empty:
        yield _frame(reader.schema.empty_table())


def _frame(table: pa.Table) -> pl.DataFrame:
    """Make a frame of an Arrow table: texts of a dictionary as texts, extensions as what they are stored as."""
    for place, column in enumerate(table.schema):
        if isinstance(column.type, pa.BaseExtensionType):
            stored = table.column(place).cast(column.type.storage_type)
            table = table.set_column(place, column.name, stored.cast(_numeric_type(column) or stored.type))
    frame = pl.DataFrame(table)
    return frame.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))


def _numeric_type(column: pa.Field) -> pa.DataType | None:
    """Return the column type of a numeric of PostgreSQL, which comes as text; None: it is none."""
    metadata = column.metadata or {}
    if metadata.get(b"POSTGRESQL:type") != b"numeric":
        return None
    typmod = int(metadata.get(b"POSTGRESQL:typmod", -1)) - _TYPMOD_OFFSET
    precision, scale = typmod >> 16, typmod & 0xFFFF
    return pa.decimal128(precision, scale) if 0 <= scale <= precision <= _MAX_PRECISION else pa.float64()


def _distinct(names: list[str]) -> list[str]:
    """Return the names of the columns. *Raises* `ArrowInvalid` when there are none, or one stands for two."""
    repeated = sorted({name for name in names if names.count(name) > 1})
    if not names:
        msg = "it is no query, it has no columns"
        raise pa.ArrowInvalid(msg)
    if repeated:
        msg = f"{len(repeated)} names stand for more than one column, {', '.join(repeated)}: name them apart with AS"
        raise pa.ArrowInvalid(msg)
    return names
