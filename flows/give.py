"""Rows as a person or a program asks for them: a table that fits the terminal, JSON or CSV."""

import polars as pl
from polars import selectors as cs
from rich.console import Console

from flows.flags import Form
from flows.show import err, out, show
from tasks.errors import UsageError


def require_one_form(form: Form) -> Form:
    """Give the form back. *Raises* `UsageError` when it is two at once."""
    if form.json and form.csv:
        msg = "--json and --csv are two forms of one answer: give one of them"
        raise UsageError(msg)
    return form


def is_for_program(form: Form) -> bool:
    """Whether the rows are for a program: then nothing else goes to stdout."""
    return form.json or form.csv


def sentences_of(form: Form) -> Console:
    """Give the console for sentences: where stdout is for a program, they go to stderr.

    *Raises* `UsageError` when the form is two at once.
    """
    return err() if is_for_program(require_one_form(form)) else out()


def give(frame: pl.DataFrame, form: Form, title: str | None = None) -> None:
    """Write the rows to stdout: as JSON, as CSV, or as a table under its title.

    JSON has weights as numbers, which eight decimals survive exactly, and days and times as ISO 8601. CSV joins
    lists with semicolons.
    """
    console = out()
    if form.json:
        numbers = frame.with_columns(cs.decimal().cast(pl.Float64))
        console.print(numbers.write_json(), markup=False, soft_wrap=True)
    elif form.csv:
        texts = frame.with_columns(cs.list().cast(pl.List(pl.String)).list.join("; "))
        console.print(texts.write_csv(), end="", markup=False, soft_wrap=True)
    else:
        show(console, frame, title=title)
