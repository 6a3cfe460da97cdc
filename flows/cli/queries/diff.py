"""`ballast diff`: what changed between two days or two runs, and why."""

from datetime import date
from typing import Annotated, TypeAlias

import polars as pl
from cyclopts import Parameter

from flows.cli.queries.snapshot_session import (
    NothingToShowError,
    name_days_around,
    open_snapshot,
    require_known_portfolios,
)
from flows.terminal.console import four_decimals, narrowed, out, show, with_causes
from flows.terminal.foremost import count_others, only
from flows.terminal.output import write_rows
from flows.terminal.parameters import AS_TABLE, NAME, OutputFormat, Snapshot
from sql.snapshot_reader import SnapshotReader
from tasks.errors import UsageError
from tasks.reports.priority import first_by
from tasks.text import nearest

Runs: TypeAlias = tuple[str | None, str | None]
Days: TypeAlias = tuple[date | None, date | None]

_THE_OTHERS = "--portfolio NAME shows another, --csv and --json have all"
_SPARED = ("bucket", "previous_target_weight", "change")


def diff(  # noqa: PLR0913 - the flags
    from_run: Annotated[str | None, Parameter(help="A published run, as `latest_runs` names it.")] = None,
    to_run: Annotated[str | None, Parameter(help="The run to compare it with.")] = None,
    /,
    *,
    first: Annotated[date | None, Parameter(name="--from", help="A day, instead of runs.")] = None,
    last: Annotated[date | None, Parameter(name="--to", help="The day to compare it with.")] = None,
    portfolio: Annotated[str | None, NAME, Parameter(help="Only this portfolio.")] = None,
    snapshot: Snapshot = None,
    form: OutputFormat = AS_TABLE,
) -> None:
    """Show what changed: a summary per portfolio, then every weight that moved, with why."""
    runs, days = (from_run, to_run), (first, last)
    with open_snapshot(snapshot) as reader:
        _require_one_question(runs, days)
        known = require_known_portfolios(reader, [portfolio] if portfolio else [])
        compared = _between_runs(reader, runs) if any(runs) else _between_days(reader, days)
        compared = compared.filter(pl.col("portfolio_id").is_in(known["portfolio_id"].implode()))
        if compared.is_empty():
            raise NothingToShowError(_explain_nothing(reader, runs, days, portfolio))
    moved = compared.filter(pl.col("change") != "unchanged")
    if form.is_for_program:
        write_rows(moved, form)
    else:
        _show(compared, moved)


def _show(compared: pl.DataFrame, moved: pl.DataFrame) -> None:
    console = out()
    summary = summarise(compared)
    first = first_by(summary, pl.col("turnover"))
    shown = only(summary, first)
    show(console, narrowed(console, shown, ("increased", "decreased")), "What changed")
    count_others(console, summary, shown, "the largest turnover first", _THE_OTHERS)
    if moved.is_empty():
        console.print("No weight moved.")
        return
    weights = ("previous_target_weight", "target_weight", "weight_change")
    rows = only(moved, first).select("portfolio_id", "asset", "bucket", *weights, "change", with_causes())
    show(console, narrowed(console, four_decimals(rows, *weights), _SPARED), "Why")


def summarise(compared: pl.DataFrame) -> pl.DataFrame:
    """Return a row a portfolio: the two days, who came and went, how much is turned over, and cash before and after."""
    change, cash = pl.col("change"), pl.col("is_cash")
    names = {word: pl.col("asset").filter(change == word).sort().str.join(", ") for word in ("opened", "closed")}
    counts = {word: (~cash & (change == word)).sum() for word in ("increased", "decreased")}
    return (
        compared.group_by("portfolio_id", maintain_order=True)
        .agg(
            pl.col("previous_as_of_date").first().alias("from"),
            pl.col("as_of_date").first().alias("to"),
            **names,
            **counts,
            turnover=pl.col("weight_change").abs().sum() / 2,
            previous_cash=pl.col("previous_target_weight").filter(cash).sum(),
            cash=pl.col("target_weight").filter(cash).sum(),
        )
        .pipe(four_decimals, "turnover", "previous_cash", "cash")
    )


def _require_one_question(runs: Runs, days: Days) -> None:
    if any(runs) and any(days):
        msg = "two runs are compared, or two days: pass either runs or days"
        raise UsageError(msg)
    if any(runs) and not all(runs):
        msg = f"two runs are compared, got only {runs[0]}: `ballast status` names the last ones"
        raise UsageError(msg)
    first, last = days
    if first and last and first >= last:
        msg = f"--from must be before --to, got {first} and {last}"
        raise UsageError(msg)


def _between_runs(reader: SnapshotReader, runs: Runs) -> pl.DataFrame:
    published = reader.query("published_runs")["run_id"].to_list()
    if unknown_names := [str(run) for run in runs if run not in published]:
        words = nearest(unknown_names[0], published) or "`ballast status` names the last ones"
        msg = f"run {unknown_names[0]} was never published: {words}; two days are compared with --from and --to"
        raise UsageError(msg)
    return reader.query("differences_between_runs", from_run=runs[0], to_run=runs[1])


def _between_days(reader: SnapshotReader, days: Days) -> pl.DataFrame:
    return reader.query("differences_between_days", from_day=days[0], to_day=days[1])


def _explain_nothing(reader: SnapshotReader, runs: Runs, days: Days, portfolio: str | None) -> str:
    whose = f" of {portfolio}" if portfolio else ""
    if any(runs):
        return f"the runs {' and '.join(map(str, runs))} have no portfolio in common{whose}: nothing can be compared"
    published = reader.query("visible_days")["as_of_date"].to_list()
    if missing := [day for day in days if day and day not in published]:
        return f"nothing is published for {missing[0]}: {name_days_around(reader, missing[0])}"
    return f"no portfolio{whose} has targets of {' and of '.join(str(day) for day in days if day)}"
