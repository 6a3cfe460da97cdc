"""What the page of a day is made from: the rows of named queries on the snapshot, of the runs that a reader sees.

What does not belong here: which of them are shown, and how (../day_tables.py, charts.py).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from sizing.text import MOST_NAMED, first_of, listed
from sql.snapshot_reader import Reader
from tasks.errors import UsageError
from tasks.inputs.warnings.superseded_holdings import Corrected, find_corrected
from tasks.reports.chart_data import ChartRows, grace_rows, past_weights, read_chart_rows
from tasks.reports.outlook import Outlook, read_outlook
from tasks.reports.priority import first_portfolios
from tasks.text import unknown

MOST_REJECTED = 200
"""Rejected rows on a page, as many assets without a score, and of each portfolio without a volatility."""


@dataclass(frozen=True)
class DayRows:
    """The rows of a day. A name without comment is the query of the same name.

    `portfolios`: whose targets are shown, from which run; `summary` and `sizing` have a row of each. `shown`: those
    with a section of their own, of which alone are `charts`, `past`, `changes`, `checks`, `decisions`, `orders`,
    `order_status` and `without_volatility`. `days`: how the day and those after it went. `past`: as `past_weights`
    returns it, `grace` as `grace_rows`, `outlook` as `read_outlook`. `missing` and `staying`: of a run of the day that
    is not visible.
    """

    day: date
    portfolios: pl.DataFrame
    shown: pl.DataFrame
    days: pl.DataFrame
    runs: pl.DataFrame
    charts: ChartRows
    past: pl.DataFrame
    summary: pl.DataFrame
    changes: pl.DataFrame
    sizing: pl.DataFrame
    checks: pl.DataFrame
    decisions: pl.DataFrame
    missed_limits: pl.DataFrame
    stale_holdings: pl.DataFrame
    sources: pl.DataFrame
    refused_rows: pl.DataFrame
    refused_files: pl.DataFrame
    halts: pl.DataFrame
    corrected: tuple[Corrected, ...]
    missing: pl.DataFrame
    staying: pl.DataFrame
    orders: pl.DataFrame
    order_status: pl.DataFrame
    outlook: Outlook
    grace: pl.DataFrame
    without_volatility: pl.DataFrame


def read_day(reader: Reader, day: date, wanted: Collection[str] = ()) -> DayRows:
    """Read all rows of the page of a day: of the portfolios wanted, or of the ten that matter most.

    Nothing happened on a day without `days`. *Raises* `UsageError` for a portfolio that the day does not have.
    """
    days = reader.query("report_days", day=day)
    portfolios = _wanted(reader.query("report_targets", day=day), day, wanted)
    every = _OfRuns(reader, portfolios)
    summary = every.own("day_summary")
    shown = portfolios if wanted else portfolios.filter(pl.col("portfolio_id").is_in(first_portfolios(summary)))
    first = _OfRuns(reader, shown)
    unpublished = reader.query("report_unpublished", day=day)["run_id"].to_list()
    run_id = next(iter(unpublished), "")
    charts = first.charts()
    past_runs = charts.history["run_id"].unique().sort().to_list()
    named = {"portfolio_ids": shown["portfolio_id"].to_list()}
    outlook = read_outlook(reader, first.run_ids, shown["portfolio_id"])
    return DayRows(
        day=day,
        portfolios=portfolios,
        shown=shown,
        days=days,
        runs=reader.query("report_runs", run_ids=[*every.run_ids, *unpublished]),
        charts=charts,
        past=past_weights(reader.query("report_past_targets", run_ids=past_runs, **named), charts.history),
        summary=summary,
        changes=pl.concat(reader.query("chart_changes", **one) for one in first.each()),
        sizing=every.own("sizing_summary_of_runs"),
        checks=first.own("report_checks", **named),
        decisions=read_decisions(reader, shown),
        missed_limits=every.own("report_missed_limits"),
        stale_holdings=every.own("report_stale_holdings"),
        sources=reader.query("report_sources", run_ids=[*every.run_ids, *unpublished]),
        refused_rows=reader.query("chart_rejected_rows", as_of_date=day, most_rows=MOST_REJECTED),
        refused_files=reader.query("refusals_on_day", day=day),
        halts=reader.query("halts_in_force"),
        corrected=find_corrected(reader, wanted or portfolios["portfolio_id"], before=day),
        missing=reader.query("chart_missing_scores", run_id=run_id, most_rows=MOST_REJECTED),
        staying=reader.query("chart_staying_targets", run_id=run_id, most_rows=MOST_NAMED),
        orders=reader.query("shown_orders", **named, as_of_date=day),
        order_status=reader.query("shown_order_status", **named, as_of_date=day),
        outlook=outlook,
        without_volatility=first.own("chart_missing_volatilities", **named, most_rows=MOST_REJECTED),
        grace=grace_rows(outlook.in_grace, reader.query("chart_grace", run_ids=first.run_ids, **named)),
    )


def read_decisions(reader: Reader, portfolios: pl.DataFrame) -> pl.DataFrame:
    """Return what the run of each portfolio decided. *Requires* `portfolio_id, run_id`."""
    return _OfRuns(reader, portfolios).own("report_decisions", portfolio_ids=portfolios["portfolio_id"].to_list())


@dataclass(frozen=True)
class _OfRuns:
    """Reads of each portfolio what its own run has: a run may cover portfolios that another one has published since."""

    reader: Reader
    portfolios: pl.DataFrame

    @property
    def run_ids(self) -> list[str]:
        return self.portfolios["run_id"].unique().sort().to_list()

    def each(self) -> list[dict[str, Any]]:
        """Return the parameters of a query of one run and some portfolios for every run; without runs, of none."""
        of_runs = self.portfolios.group_by("run_id").agg("portfolio_id").sort("run_id").iter_rows()
        return [{"run_id": run_id, "portfolio_ids": names} for run_id, names in of_runs] or [
            {"run_id": "", "portfolio_ids": []}
        ]

    def charts(self) -> ChartRows:
        """Read the rows of the charts of every run."""
        read = [read_chart_rows(self.reader, **one) for one in self.each()]
        return ChartRows(*(pl.concat(frames) for frames in zip(*read, strict=True)))

    def own(self, name: str, **more: object) -> pl.DataFrame:
        """Run a query of many runs once."""
        rows = self.reader.query(name, run_ids=self.run_ids, **more)
        return rows.join(self.portfolios, on=["portfolio_id", "run_id"], how="semi", maintain_order="left")


def _wanted(found: pl.DataFrame, day: date, wanted: Collection[str]) -> pl.DataFrame:
    known = found["portfolio_id"].to_list()
    if unknown_names := [unknown(f"portfolio {name}", name, known) for name in wanted if name not in known]:
        msg = f"{'; '.join(first_of(unknown_names))}. On {day} targets are of: {listed(known) or 'none'}"
        raise UsageError(msg)
    return found.filter(pl.col("portfolio_id").is_in(list(wanted))) if wanted else found
