"""`ballast report`: the page of a day, from the snapshot into a file."""

import webbrowser
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.markup import escape

from flows.cli.queries.snapshot_session import (
    NothingToShowError,
    name_days_around,
    open_snapshot,
    require_known_portfolios,
)
from flows.terminal.console import err
from flows.terminal.escaping import write
from flows.terminal.parameters import PortfolioIds, Snapshot
from sizing.text import counted
from sql.files.atomic_files import written_beside
from sql.snapshot_reader import SnapshotReader
from tasks.config.settings import Settings
from tasks.errors import SourceError
from tasks.reports.html.data import DayRows, read_day, read_decisions
from tasks.reports.html.day_page import page_of
from tasks.reports.html.headline import judge
from tasks.runs.entry_scores import put_entry_scores


def report(
    *,
    as_of: Annotated[date | None, Parameter(help="The trading day. Default: the newest published one.")] = None,
    portfolio: PortfolioIds = (),
    output: Annotated[
        Path | None, Parameter(help="The file, or a folder for it. Default: report-YYYY-MM-DD.html here.")
    ] = None,
    open_: Annotated[bool, Parameter(name="--open", negative="", help="Open it in the browser.")] = False,
    snapshot: Snapshot = None,
) -> None:
    """Write the page of the day, or of the newest one, and report where it is and whether all is well."""
    with open_snapshot(snapshot) as reader:
        rows = _read(reader, as_of, portfolio)
    path = _path(output, rows.day)
    with err().status(f"drawing {counted(rows.portfolios.height, 'portfolio')}"):
        _write(path, page_of(rows))
    write(f"{path}\n")
    err().print(f"{rows.day}: {escape(judge(rows).headline)}")
    if open_ and not webbrowser.open(path.resolve().as_uri()):
        err().print("[yellow]warning:[/] no browser could be started: open the file in one")


def _read(reader: SnapshotReader, as_of: date | None, portfolios: Sequence[str]) -> DayRows:
    day = as_of or require_known_portfolios(reader, portfolios)["newest_day"].sort().to_list()[-1]
    rows = read_day(reader, day, portfolios)
    if rows.days.is_empty():
        require_known_portfolios(reader, ())
        msg = f"nothing happened on {day}: {name_days_around(reader, day)}"
        raise NothingToShowError(msg)
    if put_entry_scores(reader, Settings().exchange, rows.shown["portfolio_id"].to_list(), day):
        return replace(rows, decisions=read_decisions(reader, rows.shown))
    return rows


def _path(output: Path | None, day: date) -> Path:
    name = f"report-{day}.html"
    if output is None:
        return Path(name)
    return output / name if output.is_dir() else output


def _write(path: Path, page: str) -> None:
    """Write it whole or not at all. *Raises* `SourceError` when the file cannot be written."""
    try:
        with written_beside(path) as temporary:
            temporary.write_text(page, encoding="utf-8")
    except OSError as error:
        msg = f"{path} cannot be written: {error.strerror}; name another file with --output"
        raise SourceError(msg) from error
