"""Answers of any query as frames: every type of DuckDB as the nearest one of Polars, or as its text.

What does not belong here: how an answer is written.
"""

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, TypeAlias

import polars as pl

from sql.engine.statements import Connection

Type: TypeAlias = Any
"""A type of DuckDB, which only connections.py imports."""

_KEPT = frozenset(
    ("boolean", "tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint")
) | {"float", "double", "decimal"}
_WIDE = {"hugeint": pl.Int128, "uhugeint": pl.UInt128}
"""Whole numbers that Arrow has no type for: they are fetched as text."""
_MOMENTS = frozenset(("date", "timestamp", "timestamp_s", "timestamp_ms", "timestamp with time zone"))
_LISTS = frozenset(("list", "array"))
_NESTED = _LISTS | {"struct", "map"}


def read_answer(con: Connection, sql: str, *, is_flat: bool) -> pl.DataFrame:
    """Run one query and return its rows. What Polars has no type for is text, as DuckDB writes it.

    Whole numbers stay numbers, also above 64 bits. A column with a day or time that Python cannot name, such as
    infinity, is text as a whole. `is_flat`: nested values are text too, except lists of single values.
    """
    relation = con.sql(sql)
    kinds = relation.types
    parts = [part for place, kind in enumerate(kinds, start=1) for part in _parts(place, kind, is_flat=is_flat)]
    fetched: pl.DataFrame = relation.project(", ".join(parts)).pl()
    rows = iter(fetched.get_columns())
    columns = [_finish(kind, rows) for kind in kinds]
    return pl.DataFrame([column.alias(name) for column, name in zip(columns, _distinct(relation.columns), strict=True)])


def _parts(place: int, kind: Type, *, is_flat: bool) -> Iterator[str]:
    """Yield the expressions to select for a column; of a day or time two: where Python can name it, and as text."""
    column = f"#{place}"
    if kind.id in _MOMENTS:
        named = f"{column} >= '0001-01-01' AND {column} < '10000-01-01'"
        yield f"CASE WHEN {named} THEN {column} END AS column{place}"
        yield f"CASE WHEN {named} THEN NULL ELSE {column}::VARCHAR END AS text{place}"
    else:
        yield f"CAST({column} AS {_flat(kind) if is_flat else _nearest(kind)}) AS column{place}"


def _finish(kind: Type, rows: Iterator[pl.Series]) -> pl.Series:
    """Return the column made of its selected parts."""
    column = next(rows)
    if kind.id in _WIDE:
        return column.cast(_WIDE[kind.id])
    if kind.id not in _MOMENTS:
        return column
    text = next(rows)
    return column if text.null_count() == len(text) else text.fill_null(column.cast(pl.String))


def _flat(kind: Type) -> str:
    """Return the type to cast to where only lists of single values may be nested."""
    is_row = kind.id in _LISTS and kind.children[0][1].id not in _NESTED
    return "VARCHAR" if kind.id in _NESTED and not is_row else _nearest(kind)


def _nearest(kind: Type) -> str:
    """Return the type to cast to: the same where Polars has it, else text."""
    if kind.id in _KEPT:
        return str(kind)
    if kind.id not in _NESTED:
        return "VARCHAR"
    if kind.id in _LISTS:
        return f"{_nearest(kind.children[0][1])}[]"
    inner = {name.replace('"', '""'): _nearest(child) for name, child in kind.children}
    if kind.id == "map":
        return f"MAP(VARCHAR, {inner['value']})"
    fields = ", ".join(f'"{name}" {child}' for name, child in inner.items())
    return "VARCHAR" if "" in inner else f"STRUCT({fields})"


def _distinct(names: Sequence[str]) -> list[str]:
    """Return the names, a repeated one with a number behind it: a frame has each once."""
    taken: list[str] = []
    for name in names:
        candidates = (f"{name}_{number}" if number else name for number in count())
        taken.append(next(one for one in candidates if one not in taken and (one == name or one not in names)))
    return taken
