"""Rows as a table that fits the terminal, as JSON or as CSV."""

import polars as pl
from polars import selectors as cs
from rich.console import Console

from flows.terminal.console import err, out, show
from flows.terminal.escaping import escape_json, write
from flows.terminal.parameters import OutputFormat

_FORMULA = r"^[=+\-@\t\r\n\x{FF0B}\x{FF0D}\x{FF1D}\x{FF20}]"
"""What a text begins with that a spreadsheet runs as a formula; some take its wide letters too."""


def message_console(form: OutputFormat) -> Console:
    """Return the console for sentences: where stdout is for a program, they go to stderr."""
    return err() if form.is_for_program else out()


def write_rows(frame: pl.DataFrame, form: OutputFormat, title: str | None = None) -> None:
    """Write the rows to stdout: as JSON, as CSV, or as a table under its title.

    JSON has weights as numbers, which eight decimals survive exactly, and days and times as ISO 8601; a column with a
    number that JSON cannot hold is text. CSV joins lists with semicolons.
    """
    if form.json:
        write(f"{frame.select(map(_for_json, frame.get_columns())).write_json()}\n", escape_json)
    elif form.csv:
        texts = frame.with_columns(cs.list().cast(pl.List(pl.String)).list.join("; "))
        write((_without_formulas(texts) if form.escape_formulas else texts).write_csv())
    else:
        show(out(), frame, title=title)


def _for_json(column: pl.Series) -> pl.Series:
    """Return a column that JSON holds exactly: a decimal as a number where a double holds all its digits."""
    if column.dtype.is_decimal():
        numbers = column.cast(pl.Float64)
        is_exact = numbers.cast(column.dtype, strict=False).eq_missing(column).all()
        return numbers if is_exact else column.cast(pl.String)
    is_held = not column.dtype.is_float() or column.is_finite().all()
    return column if is_held else column.cast(pl.String)


def _without_formulas(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with an apostrophe before each text and name of a column that a spreadsheet would run."""
    texts = cs.string().str.replace(_FORMULA, "'$0")
    names = pl.Series(frame.columns, dtype=pl.String).str.replace(_FORMULA, "'$0")
    return frame.with_columns(texts).rename(dict(zip(frame.columns, names, strict=True)))
