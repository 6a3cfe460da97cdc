"""Output in the terminal: tables that fit it, errors in one sentence, plain when piped."""

import getpass
import logging
import os
from collections.abc import Sequence
from decimal import Decimal

import polars as pl
from pydantic import ValidationError
from rich import box
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from flows.terminal.escaping import SafeConsole, visible
from flows.terminal.exit_codes import ExitCode, code_of
from tasks.config.env_file import explain_settings
from tasks.config.settings import Settings
from tasks.errors import PROBLEMS, ConfigError, UsageError
from tasks.text import bounded

_PIPED_WIDTH = 10_000
_BREAKABLE = 36
"""Texts longer than this may be broken over lines."""
_LONGEST_ERROR = 20_000
"""Characters of an error: a config with fifty mistakes has fewer."""
_SHOWN = pl.Decimal(10, 4)
_DIGITS = 12
"""An entry score is exact to 1e-12; what a double has beyond that is noise."""


def out() -> Console:
    """Return the console for results. Piped, it is as wide as COLUMNS says, else wide enough that nothing is cut."""
    console = SafeConsole(highlight=False, emoji=False)
    if console.is_terminal or os.environ.get("COLUMNS", "").isdigit():
        return console
    return SafeConsole(highlight=False, emoji=False, width=_PIPED_WIDTH)


def err() -> Console:
    """Return the console for progress and errors."""
    return SafeConsole(stderr=True, highlight=False, emoji=False, soft_wrap=True)


def print_error(problem: Exception) -> ExitCode:
    """Print an error in one sentence, and return its exit code."""
    err().print(f"[bold red]error:[/] {escape(bounded(str(problem), _LONGEST_ERROR))}")
    return code_of(problem)


def exit_code_of(error: BaseException) -> ExitCode | None:
    """Report an expected error, and return the exit code; None for any other."""
    if isinstance(error, KeyboardInterrupt):
        err().print("[yellow]stopped:[/] what is published is whole; run the same command again to go on")
        return ExitCode.STOPPED
    if isinstance(error, ValidationError) and error.title.endswith(Settings.__name__):
        is_ours = all(one["loc"] and one["loc"][0] in Settings.model_fields for one in error.errors())
        return print_error(explain_settings(Settings, error.errors()) if is_ours else _explain_prefect(error))
    return print_error(error) if isinstance(error, PROBLEMS) else None


def _explain_prefect(error: ValidationError) -> ConfigError:
    """Name the setting of Prefect that is wrong, as far as Prefect does."""
    wrong = [
        f"{'.'.join(map(str, one['loc'])) or 'an address'}: {one['msg']}"
        for one in error.errors()
        if one["type"] != "default_factory_not_called"
    ]
    msg = f"a setting of Prefect ({error.title}) is wrong, {'; '.join(wrong)}: correct its PREFECT_ variable"
    return ConfigError(msg)


def print_message(message: str | None, results: Console, warnings: Console, lead: str = "") -> None:
    """Print the sentence of a flow's message, and each warning of it on a line of its own.

    `lead` stands before the sentence, with its markup.
    """
    sentence, *lines = (message or "").split("\n")
    results.print(f"{lead}{escape(sentence)}")
    for line in lines:
        warnings.print(f"[yellow]{escape(line)}[/]")


def progress_bar(console: Console) -> Progress:
    """Return the bar of a command; piped, nothing of it is shown."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def os_user() -> str:
    """Return the name of who runs the command, for the records; empty where the system knows none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def require_words(**given: str) -> dict[str, str]:
    """Return the texts. *Raises* `UsageError` for one that says nothing."""
    empty = [f"--{name}" for name, text in given.items() if not text.strip()]
    if empty:
        msg = f"{' and '.join(empty)} must say something: it stands in the records for good"
        raise UsageError(msg)
    return given


def show_warehouse_warnings() -> None:
    """Show the log of the warehouse on stderr: for whom it waits, what it recovered."""
    logger = logging.getLogger("sql")
    if not any(isinstance(handler, _WarningHandler) for handler in logger.handlers):
        logger.addHandler(_WarningHandler(logging.WARNING))


class _WarningHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        err().print(f"[yellow]warning:[/] {escape(record.getMessage())}")


def show(console: Console, frame: pl.DataFrame, title: str | None = None) -> None:
    """Print a frame as a table; where its columns do not fit the terminal, one field a line, so that nothing is cut."""
    if fits(console, frame):
        print_trimmed(console, _table(frame, title))
        return
    if title:
        console.print(f"[bold]{escape(title)}[/]")
    names = [plain(name) for name in frame.columns]
    has_room = console.width >= max(map(len, names)) + _BREAKABLE // 2
    for row in frame.iter_rows():
        console.print()
        if not has_room:
            pairs = zip(names, row, strict=True)
            print_trimmed(console, Text("\n".join(f"{name}  {plain(value)}" for name, value in pairs)))
            continue
        fields = Table.grid(padding=(0, 2, 0, 0))
        fields.add_column(justify="right", overflow="fold")
        fields.add_column(overflow="fold")
        for name, value in zip(names, row, strict=True):
            fields.add_row(Text(name), Text(plain(value)))
        print_trimmed(console, fields)
    console.print()


def fits(console: Console, frame: pl.DataFrame) -> bool:
    """Report whether the columns of a frame fit the terminal."""
    options = console.options.update_width(_PIPED_WIDTH)
    return _table(frame, None).__rich_measure__(console, options).minimum <= console.width


def narrowed(console: Console, frame: pl.DataFrame, spared: Sequence[str]) -> pl.DataFrame:
    """Leave out as many of the spared columns, the first ones first, as a narrow terminal requires."""
    given = [name for name in spared if name in frame.columns]
    tried = (frame.drop(given[:count]) for count in range(len(given) + 1))
    return next((one for one in tried if fits(console, one)), frame.drop(given))


def print_trimmed(console: Console, what: RenderableType) -> None:
    """Print it, piped without the blanks that fill its lines."""
    if console.is_terminal:
        console.print(what)
        return
    with console.capture() as captured:
        console.print(what)
    lines = "\n".join(line.rstrip() for line in captured.get().splitlines())
    console.print(lines, markup=False, soft_wrap=True)


def four_decimals(frame: pl.DataFrame, *weights: str) -> pl.DataFrame:
    """Return weights for display, to the basis point."""
    return frame.with_columns(pl.col(weights).round(_SHOWN.scale).cast(_SHOWN))


def with_causes() -> pl.Expr:
    """Return the words of a change, with the parts that it is made of before them where they are several."""
    parts = pl.when(pl.col("causes").str.contains(",")).then(pl.col("causes") + ": ").otherwise(pl.lit(""))
    return (parts + pl.col("change_reason")).alias("change_reason")


def _table(frame: pl.DataFrame, title: str | None) -> Table:
    """Numbers stand to the right; only long texts are broken, between words."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for name, dtype in frame.schema.items():
        heading, texts = plain(name), [plain(value) for value in frame[name]]
        longest = max(map(len, [heading, *texts]))
        table.add_column(
            Text(heading),
            justify="right" if dtype.is_numeric() else "left",
            no_wrap=longest <= _BREAKABLE,
            min_width=min(longest, _BREAKABLE),
            overflow="fold",
        )
    for row in frame.iter_rows():
        table.add_row(*(Text(plain(value)) for value in row))
    return table


def plain(value: object) -> str:
    """Return a value as one line without control characters."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.{_DIGITS}g}"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return visible(bounded(str(value))).replace("\n", "\\n")
