"""`ballast targets`: what to hold and to trade, now, of a day, or as it was visible at a moment."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated

import polars as pl
from cyclopts import Parameter
from rich.markup import escape

from flows.cli.queries.snapshot_session import (
    NothingToShowError,
    name_days_around,
    open_snapshot,
    require_known_portfolios,
)
from flows.terminal.console import err, out, show
from flows.terminal.foremost import count_others, only, summary_of
from flows.terminal.output import write_rows
from flows.terminal.parameters import AS_TABLE, NAME, OutputFormat, Snapshot
from flows.terminal.trade_tables import ALWAYS, show_trade_totals, target_table
from sizing.text import listed
from sql.snapshot_reader import SnapshotReader
from tasks.reports.priority import ORDER, first_portfolios


def targets(
    *portfolios: Annotated[str, NAME, Parameter(help="The portfolios. Default: all.")],
    as_of: Annotated[date | None, Parameter(help="The trading day. Default: the newest of each portfolio.")] = None,
    at: Annotated[
        datetime | None, Parameter(help="As they were visible at this moment, UTC: 2025-06-06T21:00. Default: now.")
    ] = None,
    why: Annotated[bool, Parameter(negative="", help="Show the reason of each target.")] = False,
    snapshot: Snapshot = None,
    form: OutputFormat = AS_TABLE,
) -> None:
    """Show the targets: all columns for a program, those that fit on a terminal."""
    with open_snapshot(snapshot) as reader:
        require_known_portfolios(reader, portfolios)
        moment = _in_utc(at)
        shown = reader.query(
            "shown_targets", portfolio_ids=list(portfolios), as_of_date=as_of, visible_at=moment or ALWAYS
        )
        if shown.is_empty():
            raise NothingToShowError(_explain_nothing(reader, portfolios, as_of, moment))
        if missing := sorted(set(portfolios) - set(shown["portfolio_id"])):
            err().print(f"[yellow]warning:[/] no targets{_when(as_of, moment)} of {escape(listed(missing))}")
        if form.is_for_program:
            write_rows(shown, form)
            return
        summary = summary_of(reader, shown)
    first = list(portfolios) or first_portfolios(summary)
    _show_table(only(shown, first), moment, why=why)
    show_trade_totals(out(), only(summary, first))
    count_others(out(), shown, only(shown, first), ORDER, "name others, or --csv and --json have all")


def _show_table(targets: pl.DataFrame, moment: datetime | None, *, why: bool) -> None:
    days = targets["as_of_date"].unique().sort()
    seen = f", visible at {moment:%Y-%m-%d %H:%M:%S} UTC" if moment else ""
    title = f"Targets of {days[0]}{seen}" if len(days) == 1 else f"Targets of the newest day of each portfolio{seen}"
    show(out(), target_table(out(), targets, *(["target_reason"] if why else [])), title)


def _in_utc(at: datetime | None) -> datetime | None:
    """Return a moment in UTC, as which one without a zone counts."""
    if at is None:
        return None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _when(as_of: date | None, moment: datetime | None) -> str:
    day = f" of {as_of}" if as_of else ""
    return f"{day} visible at {moment:%Y-%m-%d %H:%M:%S} UTC" if moment else day


def _explain_nothing(
    reader: SnapshotReader, portfolios: Sequence[str], as_of: date | None, moment: datetime | None
) -> str:
    what = f"no targets{' of ' + listed(portfolios) if portfolios else ''}{_when(as_of, moment)}"
    if moment:
        first = reader.query("first_publication")["published_at"][0]
        return f"{what}: the first were published at {first:%Y-%m-%d %H:%M:%S} UTC"
    return f"{what}: {name_days_around(reader, as_of)}" if as_of else what
