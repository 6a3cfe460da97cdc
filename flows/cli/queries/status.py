"""`ballast status`: is all well, what waits, what ran last, and what comes next."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime

import polars as pl
from rich.console import Console
from rich.markup import escape

from flows.cli.queries.health import (
    Concern,
    Session,
    answer,
    ended_calendars,
    find_concerns,
    is_live,
    sessions_after,
    sessions_until,
    was_due,
)
from flows.cli.queries.next_runs import next_runs, server_url
from flows.cli.queries.server_health import ServerHealth, find_lost_server, query_health
from flows.cli.queries.snapshot_session import open_snapshot
from flows.cli.queries.unread_files import find_unread
from flows.terminal.console import err, narrowed, out, plain, show
from flows.terminal.exit_codes import ExitCode
from flows.terminal.foremost import count_others, only
from flows.terminal.outlook_tables import show_outlook
from flows.terminal.output import write_rows
from flows.terminal.parameters import AS_TABLE, OutputFormat, Snapshot
from sql.snapshot_reader import SnapshotReader
from tasks.config.portfolios import read_config
from tasks.config.settings import Settings
from tasks.errors import ConfigError
from tasks.inputs.warnings.superseded_holdings import find_corrected, find_superseded
from tasks.reports.outlook import read_outlook
from tasks.reports.priority import first_by
from tasks.text import utc
from tasks.trading_calendar import CalendarEnd, calendar_ends, exchange_of

_DAYS = _RUNS = _SCHEDULED = 5
_LOOKED_AT = 60
"""Newest days that are looked at for what is not well."""


def status(*, snapshot: Snapshot = None, form: OutputFormat = AS_TABLE) -> int:
    """Report how things are: the answer first; to a program, a row a portfolio."""
    settings = Settings().at({"snapshot": snapshot})
    warehouse = settings.open_warehouse()
    if not snapshot and not warehouse.is_readable() and not warehouse.exists():
        return _print_first_step(settings, form)
    with open_snapshot(snapshot) as reader:
        return _report(reader, settings, form)


def _report(reader: SnapshotReader, settings: Settings, form: OutputFormat) -> int:
    states, now = reader.query("portfolio_states"), datetime.now(UTC)
    newest: date | None = states.select(pl.col("newest_day").max()).item()
    exchanges, first = _exchanges(settings, states["portfolio_id"]), reader.query("first_of_days", n_days=_LOOKED_AT)
    health = reader.query("newest_health", first=first.item())
    following = sessions_after(states, exchanges, settings.deadline_hours)
    ends, server = calendar_ends(exchanges.values(), now.date()), query_health(now, settings.answer_seconds)
    lost = () if server else tuple(find_lost_server())
    scheduled = next_runs(_SCHEDULED, settings.answer_seconds) if server else None
    is_expected = is_live(states, exchanges) or (scheduled is not None and not scheduled.is_empty())
    concerns = (
        *_of_days(reader, settings, states, exchanges, following if is_expected else (), health=health, now=now),
        *ended_calendars(ends),
        *(
            Concern(one.what, "targets_on_corrected_inputs has the files", one.command)
            for one in find_corrected(reader, exchanges)
        ),
        *(
            Concern(one.what, "superseded_holdings has the runs", one.command)
            for one in find_superseded(reader, exchanges)
        ),
        *(server.concerns if server else lost),
    )
    summary = answer(states, concerns, following if is_expected else ())
    if form.is_for_program:
        _print_calendar_ends(err(), ends)
        columns = pl.lit(summary).alias("answer"), pl.lit(not concerns and newest is not None).alias("is_well")
        write_rows(
            states.join(_coming(exchanges, following), on="portfolio_id", how="left").with_columns(*columns), form
        )
    else:
        _show(reader, states, health, concerns, summary)
        _show_next(newest, following, is_expected=is_expected)
        _show_scheduled(ServerHealth() if lost else server, scheduled)
        _print_calendar_ends(out(), ends)
    return ExitCode.ATTENTION if concerns else ExitCode.OK


def _of_days(  # noqa: PLR0913 - what is looked at
    reader: SnapshotReader,
    settings: Settings,
    states: pl.DataFrame,
    exchanges: Mapping[str, str],
    expected: Sequence[Session],
    *,
    health: pl.DataFrame,
    now: datetime,
) -> tuple[Concern, ...]:
    """Return what is not well with the days: of those that are expected, all that are late; else what the inbox has."""
    halts = reader.query("halts_in_force")
    late = [one for first in expected for one in sessions_until(first, settings.deadline_hours, now)]
    newest: date | None = states.select(pl.col("newest_day").max()).item()

    def waits(day: date) -> bool:
        return day <= now.date() and (not expected or was_due(exchanges.values(), day, settings.deadline_hours, now))

    unread = find_unread(reader, settings, newest, frozenset(health["as_of_date"]), waits) if newest else ()
    return (*find_concerns(reader.query("open_proposals"), health, halts, late), *unread)


def _print_first_step(settings: Settings, form: OutputFormat) -> int:
    """Print the first step where nothing was ever run; a program gets no rows."""
    if form.is_for_program:
        write_rows(pl.DataFrame({"portfolio_id": []}, {"portfolio_id": pl.String}), form)
    else:
        name = escape(settings.open_warehouse().name)
        out().print(
            f"Nothing is here yet: there is no database at {name}. {_first_step(settings)}",
            soft_wrap=True,
        )
        _print_calendar_ends(out(), calendar_ends(_exchanges(settings, [""]).values(), datetime.now(UTC).date()))
    return 0


def _print_calendar_ends(console: Console, ends: Iterable[CalendarEnd]) -> None:
    """Print weeks ahead which calendars end."""
    for one in ends:
        console.print(f"[yellow]warning:[/] {escape(one.words)}; {escape(one.todo)}", soft_wrap=True)


def _exchanges(settings: Settings, published: Iterable[str]) -> dict[str, str]:
    """Return the exchange of each portfolio; where no config can be read, that of the installation."""
    try:
        terms = read_config(settings.config).terms
    except ConfigError:
        return dict.fromkeys(published, settings.exchange)
    return {name: one.calendar(settings.exchange) for name, one in terms.items()}


def _coming(exchanges: Mapping[str, str], following: Sequence[Session]) -> pl.DataFrame:
    """Return the next trading day of each portfolio, and when its targets are due, UTC."""
    sessions = {one.exchange: (one.day, one.due) for one in following}
    rows = [(name, *sessions[exchange]) for name, exchange in exchanges.items() if exchange in sessions]
    schema = ["portfolio_id", "next_day", "next_due_at"]
    types = {"portfolio_id": pl.String(), "next_day": pl.Date(), "next_due_at": pl.Datetime("us", "UTC")}
    return pl.DataFrame(rows, schema, schema_overrides=types, orient="row")


def _first_step(settings: Settings) -> str:
    if not settings.config.exists():
        return "Begin with `ballast init`, which writes a config, settings and an inbox with a small example."
    return "Make it with your first day: `ballast run`, which reads BALLAST_INBOX and BALLAST_CONFIG."


def _show(
    reader: SnapshotReader,
    states: pl.DataFrame,
    health: pl.DataFrame,
    concerns: tuple[Concern, ...],
    summary: str,
) -> None:
    console = out()
    console.print(f"[bold {'yellow' if concerns else 'green'}]{escape(plain(summary))}[/]", soft_wrap=True)
    for one in concerns:
        console.print(f"  {escape(plain(one.what))}: {escape(plain(one.why))}\n    {escape(one.todo)}", soft_wrap=True)
    console.print()
    first = only(states, first_by(states, pl.col("is_halted"), pl.col("waiting_run_id").is_not_null(), _behind()))
    show(console, _portfolios(first), "Portfolios")
    count_others(console, states, first, "what is halted, waits or is behind first", "--csv and --json have all")
    show_outlook(console, read_outlook(reader, first["newest_run_id"].drop_nulls().unique(), first["portfolio_id"]))
    days = health.head(_DAYS).select(
        *("as_of_date", "state", pl.col("seconds_taken").round_sig_figs(2)),
        *("rows_rejected", "n_refused_files", "n_stale_scores"),
        warnings=pl.col("warnings").list.len(),
    )
    show(console, narrowed(console, days, ("n_refused_files", "n_stale_scores", "seconds_taken")), "Days")
    runs = reader.query("latest_runs").head(_RUNS).select("run_id", "state", "started_at", "reason")
    show(console, narrowed(console, _minutes(runs), ("reason", "started_at")), "Last runs")


def _show_next(newest: date | None, following: Sequence[Session], *, is_expected: bool) -> None:
    console = out()
    console.print("[bold]Next[/]")
    if newest and not is_expected:
        console.print(
            f"  no day is expected: {newest} was computed more than a week after its close, and nothing is scheduled. "
            "`ballast run` goes on with newer scores",
            soft_wrap=True,
        )
        return
    for session in following:
        console.print(
            f"  {session.day}: {exchange_of(session.exchange)} closes at {session.close:%H:%M} UTC, targets are due by "
            f"{utc(session.due)}",
            soft_wrap=True,
        )


def _show_scheduled(server: ServerHealth | None, scheduled: pl.DataFrame | None) -> None:
    console = out()
    if server is None:
        console.print(
            f"  no Prefect server answers at {escape(server_url())}: `ballast up` starts one, with the schedules",
            soft_wrap=True,
        )
    elif scheduled is not None and scheduled.is_empty():
        console.print("  nothing is scheduled: `ballast deploy` brings the schedules", soft_wrap=True)
    elif scheduled is not None:
        show(console, _minutes(scheduled))
    for note in server.notes if server else ():
        console.print(f"  {escape(note)}", soft_wrap=True)


def _behind() -> pl.Expr:
    """Rank how many days each portfolio is behind the newest, without any most."""
    day = pl.col("newest_day")
    return (day.max() - day).dt.total_days().fill_null(pl.lit(2**31))


def _portfolios(states: pl.DataFrame) -> pl.DataFrame:
    """Return the portfolios without what is true of none."""
    is_halted, waits = states["is_halted"].any(), states["waiting_run_id"].is_not_null().any()
    spared = [
        "newest_run_id",
        *([] if is_halted else ["is_halted"]),
        *([] if waits else ["waiting_day", "waiting_run_id"]),
    ]
    return _minutes(states.drop(spared))


def _minutes(frame: pl.DataFrame) -> pl.DataFrame:
    """Return moments to the minute, for display."""
    moments = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Datetime)]
    return frame.with_columns(pl.col(moments).dt.strftime("%Y-%m-%d %H:%M UTC"))
