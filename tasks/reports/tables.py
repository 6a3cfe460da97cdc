"""What a table is: its columns, how the values of its rows are written, and its Markdown.

What does not belong here: which tables there are (day_tables.py, lifecycle_tables.py), HTML (html/assets/page.html).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import polars as pl

from tasks.text import bounded

Value = str | bool | int | float | Decimal | date | datetime | None


@dataclass(frozen=True)
class Column:
    """A column of a table: its words, the column of the rows, how it is written, and what it means."""

    words: str
    field: str
    kind: str = "text"
    meaning: str = ""

    @property
    def is_number(self) -> bool:
        """Whether it stands to the right, and is sorted by its value."""
        return self.kind in _WRITTEN


@dataclass(frozen=True)
class Cell:
    """What a cell shows, and the number that it is sorted by; empty where it is sorted by its words."""

    text: str
    number: str
    column: Column


@dataclass(frozen=True)
class Table:
    """A table under its title. `empty`: the words where it has no rows."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    empty: str
    note: str = ""


_WRITTEN = {
    "weight": lambda value: f"{value * 100:.2f}%",
    "points": lambda value: f"{value * 100:+.2f}".replace("-", "\N{MINUS SIGN}") if value else "",
    "score": lambda value: f"{value:.4f}",
    "number": lambda value: f"{value:.10g}",
}
_MARKS = str.maketrans({mark: f"\\{mark}" for mark in "\\|*`[_"} | {"<": "&lt;"})
ASSET = (Column("asset", "asset", "name"), Column("bucket", "bucket"))
PORTFOLIO = Column("portfolio", "portfolio_id", "name")


def as_markdown(table: Table) -> str:
    """Return a table below its title as Markdown, whatever its cells hold; without rows its note alone."""
    if not table.rows:
        return escape_markdown(table.note)
    rows = ([escape_markdown(cell.text) for cell in row] for row in table.rows)
    lines = [[column.words for column in table.columns], ["---"] * len(table.columns), *rows]
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return "\n\n".join(filter(None, [f"### {escape_markdown(table.title)}", table.note, body]))


def escape_markdown(text: str) -> str:
    """Keep text from being read as Markdown or HTML, and on one line."""
    return " ".join(text.translate(_MARKS).split())


def more_of(rows: pl.DataFrame, total: str, things: str) -> str:
    """Return how many rows there are, where not all of them are shown; `total` is the column that has the number."""
    n_rows = rows[total][0] if rows.height else 0
    return f"The first {rows.height} of {n_rows} {things}." if n_rows > rows.height else ""


def make_table(title: str, columns: Sequence[Column], rows: pl.DataFrame, empty: str, note: str = "") -> Table:
    """Return the rows as a table of these columns."""
    cells = tuple(
        tuple(_cell(column, value) for column, value in zip(columns, row, strict=True))
        for row in rows.select([one.field for one in columns]).iter_rows()
    )
    return Table(title, tuple(columns), cells, empty, note)


def _cell(column: Column, value: Value) -> Cell:
    if value is None:
        return Cell("", "", column)
    if column.is_number:
        return Cell(_WRITTEN[column.kind](value), repr(float(value)), column)  # type: ignore[arg-type]  # a number by its kind
    return Cell(bounded(str(value)), "", column)
