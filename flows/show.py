"""What a person sees in the terminal: tables that fit it, errors in one sentence, plain when piped."""

from decimal import Decimal

import polars as pl
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sizing.errors import BallastError
from sql.errors import PublishRejectedError, WarehouseError

ERROR, HELD, REJECTED = 1, 3, 4
"""Exit codes of a command that did not do what was asked."""

Problem = BallastError | WarehouseError
PROBLEMS = (BallastError, WarehouseError)
"""What a person can act on: it is said in one sentence, without a traceback."""

_PIPED_WIDTH = 10_000


def out() -> Console:
    """Give the console for results. Piped, it is wide enough that nothing is cut."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_PIPED_WIDTH)


def err() -> Console:
    """Give the console for progress and errors."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def tell(problem: Problem) -> int:
    """Say what went wrong in one sentence, and give the exit code."""
    err().print(f"[bold red]error:[/] {escape(str(problem))}")
    return REJECTED if isinstance(problem, PublishRejectedError) else ERROR


def table(frame: pl.DataFrame, title: str | None = None) -> Table:
    """Give a frame as a table, numbers to the right."""
    shown = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for name, dtype in frame.schema.items():
        is_number = dtype.is_numeric()
        shown.add_column(name, justify="right" if is_number else "left", no_wrap=is_number, overflow="fold")
    for row in frame.iter_rows():
        shown.add_row(*(_cell(value) for value in row))
    return shown


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return escape(str(value))
