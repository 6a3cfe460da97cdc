"""`ballast status`: is all well, what waits, what ran last, and what comes next."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
from rich.markup import escape

from flows.flags import Form
from flows.give import give, is_for_program, require_one_form
from flows.health import Concern, Session, answer, find_concerns, session_after
from flows.looking import look
from flows.scheduled import next_runs, server_url
from flows.show import PROBLEMS, narrowed, out, plain, show, tell
from sql.reading import SnapshotReader
from tasks.settings import Settings

_DAYS = _RUNS = _SCHEDULED = 5


def show_status(paths: Mapping[str, Path], form: Form) -> int:
    """Say how things are: the answer first; to a program, a row a portfolio."""
    try:
        require_one_form(form)
        settings = Settings().at(paths)
    except PROBLEMS as problem:
        return tell(problem)
    if not paths and not settings.snapshot.exists() and not settings.warehouse.exists():
        return _say_empty(settings, form)

    def tell_status(reader: SnapshotReader) -> None:
        states = reader.query("portfolio_states")
        newest: date | None = states.select(pl.col("newest_day").max()).item()
        following = session_after(settings.exchange, newest, settings.deadline_hours) if newest else None
        concerns = find_concerns(
            states,
            reader.query("newest_health", n_days=_DAYS),
            reader.query("halts_in_force"),
            following,
            datetime.now(UTC),
        )
        said = answer(states, concerns, following)
        if is_for_program(form):
            told = pl.lit(said).alias("answer"), pl.lit(not concerns and newest is not None).alias("is_well")
            give(states.with_columns(*told), form)
            return
        _show(reader, states, concerns, said, following)

    return look(paths, form, tell_status)


def _say_empty(settings: Settings, form: Form) -> int:
    """Say what comes first where nothing was ever run; a program gets no rows."""
    if is_for_program(form):
        give(pl.DataFrame({"portfolio_id": []}, {"portfolio_id": pl.String}), form)
    else:
        out().print(
            f"Nothing is here yet: there is no database at {escape(str(settings.warehouse))}. Make it with your first "
            "day: `ballast run`, which reads BALLAST_INBOX and BALLAST_CONFIG.",
            soft_wrap=True,
        )
    return 0


def _show(
    reader: SnapshotReader,
    states: pl.DataFrame,
    concerns: tuple[Concern, ...],
    said: str,
    following: Session | None,
) -> None:
    console = out()
    console.print(f"[bold {'yellow' if concerns else 'green'}]{escape(plain(said))}[/]", soft_wrap=True)
    for one in concerns:
        console.print(f"  {escape(plain(one.what))}: {escape(plain(one.why))}\n    {escape(one.todo)}", soft_wrap=True)
    console.print()
    show(console, _portfolios(states), "Portfolios")
    health = reader.query("newest_health", n_days=_DAYS).select(
        *("as_of_date", "state", pl.col("seconds_taken").round_sig_figs(2)),
        *("rows_rejected", "n_refused_files", "n_stale_scores"),
        warnings=pl.col("warnings").list.len(),
    )
    show(console, narrowed(console, health, ("n_refused_files", "n_stale_scores", "seconds_taken")), "Days")
    runs = reader.query("latest_runs").head(_RUNS).select("run_id", "state", "started_at", "reason")
    show(console, narrowed(console, _minutes(runs), ("reason", "started_at")), "Last runs")
    console.print("[bold]Next[/]")
    if following:
        console.print(
            f"  {following.day}: the exchange closes at {following.close:%H:%M} UTC, targets are due by "
            f"{following.due:%H:%M} UTC",
            soft_wrap=True,
        )
    scheduled = next_runs(_SCHEDULED)
    if scheduled is None:
        console.print(
            f"  no Prefect server answers at {escape(server_url())}: `ballast up` starts one, with the schedules",
            soft_wrap=True,
        )
    elif scheduled.is_empty():
        console.print("  nothing is scheduled: `ballast deploy` brings the schedules", soft_wrap=True)
    else:
        show(console, _minutes(scheduled))


def _portfolios(states: pl.DataFrame) -> pl.DataFrame:
    """Give the portfolios without what is true of none."""
    is_halted, waits = states["is_halted"].any(), states["waiting_run_id"].is_not_null().any()
    spared = [*([] if is_halted else ["is_halted"]), *([] if waits else ["waiting_day", "waiting_run_id"])]
    return _minutes(states.drop(spared))


def _minutes(frame: pl.DataFrame) -> pl.DataFrame:
    """Give moments to the minute, as a person reads them."""
    moments = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Datetime)]
    return frame.with_columns(pl.col(moments).dt.strftime("%Y-%m-%d %H:%M UTC"))
