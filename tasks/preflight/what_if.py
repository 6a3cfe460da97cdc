"""What a run of a day would do: it is done in a temporary copy of the snapshot, by the rules of the daily run.

Nothing of the installation is written, it waits for nothing, and there is no engine. What does not belong here: what
becomes of a run (lifecycle.py), which is the same for both.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from sizing.pipeline import Rebalance, rebalance
from sizing.selection.score_coverage import find_missing_scores
from sql.any_warehouse import AnyWarehouse
from sql.errors import PublishRejectedError
from tasks.config.feeds import Feeds
from tasks.config.settings import Settings
from tasks.errors import PROBLEMS
from tasks.inputs.portfolio_groups import Group, split_halted
from tasks.inputs.warnings.superseded_holdings import (
    warn_of_corrected_inputs,
    warn_of_later_days,
    warn_of_replaced_holdings,
)
from tasks.run_state import RunState
from tasks.runs.approval import ApprovalRequest, find_approval_request
from tasks.runs.ingest import ingest_day
from tasks.runs.run_lifecycle import run_lifecycle
from tasks.runs.run_record import OpenRun, start_run
from tasks.runs.shards.large_run import Result, rows_to_publish
from tasks.trading_calendar import find_calendar

_BY = "plan"
_ALREADY = {
    RunState.UNCHANGED: "published already with the same inputs, limits and code",
    RunState.PROPOSED: "waits for approval already",
}
_MOST_ROWS = 5
_AS_FIRST = "no snapshot at {}: planned as the very first run"


@dataclass(frozen=True)
class PlannedResult:
    """What would become of portfolios that go together, why, and what would be warned about.

    `run_id` is empty where none would start. `error`: what would stop it.
    """

    state: RunState
    portfolio_ids: tuple[str, ...]
    run_id: str = ""
    reason: str = ""
    warnings: tuple[str, ...] = ()
    error: Exception | None = None

    @property
    def has_targets(self) -> bool:
        """Whether there are targets to look at; otherwise the visible ones would stay."""
        return self.state in {RunState.PUBLISHED, RunState.PROPOSED, RunState.UNCHANGED}


@dataclass(frozen=True)
class Plan:
    """What a run of the day would do.

    `portfolios`: one row per portfolio with its `state, reason, run_id, visible_run_id, visible_as_of_date`, the
    columns of the query `portfolios_of_runs` of the targets that would count, and those of the visible ones, which
    begin with `visible_`. `targets`: the rows of the query `what_if_targets`. `warnings`: what the run would warn
    about, and which rows it would reject.
    """

    day: date
    results: tuple[PlannedResult, ...]
    portfolios: pl.DataFrame
    targets: pl.DataFrame
    warnings: tuple[str, ...]


def plan_day(settings: Settings, day: date, groups: Sequence[Group], known: Collection[str], feeds: Feeds) -> Plan:
    """Do the day of the groups in a throw-away warehouse, and compare with what is visible. No exchange is closed.

    `known` are portfolios that it is no typing error to name. *Raises* `SourceError` for files that stop the run, and
    `WarehouseError` when there is a warehouse without a snapshot, or it is damaged.
    """
    with _thrown_away(settings) as own:
        ingested = ingest_day.fn(own, day, feeds)
        with own.open_warehouse().kept_open() as warehouse:
            visible = warehouse.query("visible_until", day=day)
            parts = split_halted(groups, warehouse.query("halts_in_force"))
            results = tuple(_plan_group(warehouse, day, group, known, own) for group in parts)
            rejected = _refusals(warehouse, day) if any(one.ingest.rows_rejected for one in ingested) else ()
            warnings = dict.fromkeys(warning for one in results for warning in one.warnings)
            warnings |= dict.fromkeys(warn_of_corrected_inputs(warehouse, known))
            runs = _runs(results, visible)
            first = () if _is_published(settings) else (_AS_FIRST.format(settings.open_warehouse().readers_open),)
            return Plan(
                day, results, _portfolios(warehouse, runs), _targets(warehouse, runs), (*first, *warnings, *rejected)
            )


@contextmanager
def _thrown_away(settings: Settings) -> Iterator[Settings]:
    """Yield the settings with a copy of the snapshot as warehouse; without a snapshot, with one to be made."""
    with TemporaryDirectory(prefix="ballast-plan-") as folder:
        here = Path(folder)
        if _is_published(settings):
            settings.open_warehouse().copy_for_readers(here / "warehouse.duckdb")
        yield settings.at(
            {
                "warehouse": here / "warehouse.duckdb",
                "snapshot": here / "snapshot.duckdb",
                "export_folder": here / "targets",
            }
        )


def _is_published(settings: Settings) -> bool:
    warehouse = settings.open_warehouse()
    return warehouse.is_readable() or warehouse.exists()


def _plan_group(
    warehouse: AnyWarehouse, day: date, group: Group, known: Collection[str], settings: Settings
) -> PlannedResult:
    """Do the day of a group as the daily run does."""
    names = tuple(sorted(group.limits))
    try:
        find_calendar(group.exchange).require_within(day)
        run = start_run(
            *(warehouse, group.exchange, day, group.limits, known),
            by=_BY,
            dust_weight=settings.dust_weight,
            entry_scores_up_to=settings.entry_scores_up_to,
        )
        taken = run_lifecycle(run, group, _Copy(warehouse, run, group))
    except PublishRejectedError as rejected:
        return PlannedResult(RunState.REJECTED, names, rejected.run_id, rejected.reason)
    except PROBLEMS as problem:
        return PlannedResult(RunState.FAILED, names, reason=str(problem), error=problem)
    warnings = [*run.warnings]
    if taken.state in {RunState.PUBLISHED, RunState.UNCHANGED}:
        warnings += warn_of_replaced_holdings(warehouse, run.run_id)
    if taken.state == RunState.PUBLISHED:
        warnings += warn_of_later_days(warehouse, run.run_id)
    already = "" if taken.is_new else _ALREADY[taken.state]
    return PlannedResult(taken.state, names, run.run_id, taken.reason or str(taken.request) or already, tuple(warnings))


@dataclass(frozen=True)
class _Copy:
    """The steps of a run in the throw-away warehouse, without an engine."""

    warehouse: AnyWarehouse
    run: OpenRun
    group: Group

    def find_missing_scores(self) -> tuple[str, ...]:
        return find_missing_scores(self.run.inputs)

    def compute(self) -> Rebalance:
        return rebalance(self.run.inputs)

    def request_approval(self, result: Result) -> ApprovalRequest:
        return find_approval_request(self.warehouse, result, self.group.policies)

    def propose(self, result: Result, request: ApprovalRequest) -> None:
        self.warehouse.propose(self.run.run_id, rows_to_publish(result), _BY, request.reasons, request.four_eyes)

    def publish(self, result: Result) -> bool:
        return self.warehouse.publish(self.run.run_id, rows_to_publish(result), _BY).is_new


def _runs(results: Sequence[PlannedResult], visible: pl.DataFrame) -> pl.DataFrame:
    """Name for each portfolio the run whose targets would count, and the one whose targets are visible now."""
    rows = [
        (portfolio_id, one.state, one.reason, one.run_id or None, one.has_targets)
        for one in results
        for portfolio_id in one.portfolio_ids
    ]
    schema = {
        "portfolio_id": pl.String,
        "state": pl.String,
        "reason": pl.String,
        "run_id": pl.String,
        "has_targets": pl.Boolean,
    }
    shown = visible.rename({"as_of_date": "visible_as_of_date", "run_id": "visible_run_id"})
    return (
        pl.DataFrame(rows, schema, orient="row")
        .join(shown, on="portfolio_id", how="left")
        .with_columns(counting_run_id=pl.when("has_targets").then("run_id").otherwise("visible_run_id"))
        .drop("has_targets")
        .sort("portfolio_id")
    )


def _portfolios(warehouse: AnyWarehouse, runs: pl.DataFrame) -> pl.DataFrame:
    def read_portfolios(run: str) -> pl.DataFrame:
        named = runs.drop_nulls(run)
        lists = {"portfolio_ids": named["portfolio_id"].to_list(), "run_ids": named[run].to_list()}
        return warehouse.query("portfolios_of_runs", **lists).rename({"run_id": run})

    before = read_portfolios("visible_run_id")
    key = {"portfolio_id", "visible_run_id"}
    before = before.rename({name: f"visible_{name}" for name in before.columns if name not in key})
    return (
        runs.join(read_portfolios("counting_run_id"), on=["portfolio_id", "counting_run_id"], how="left")
        .join(before, on=sorted(key), how="left")
        .drop("counting_run_id")
        .sort("portfolio_id")
    )


def _targets(warehouse: AnyWarehouse, runs: pl.DataFrame) -> pl.DataFrame:
    named = runs.drop_nulls("counting_run_id")
    return warehouse.query(
        "what_if_targets",
        portfolio_ids=named["portfolio_id"].to_list(),
        run_ids=named["counting_run_id"].to_list(),
        visible_run_ids=named["visible_run_id"].to_list(),
    )


def _refusals(warehouse: AnyWarehouse, day: date) -> tuple[str, ...]:
    """Return which rows of the day's content are rejected: the first of them, and how many there are."""
    rejected = warehouse.query("chart_rejected_rows", as_of_date=day, most_rows=_MOST_ROWS).rows(named=True)
    lines = [f"{row['source']}, row {row['row_number']}: {row['reason']}" for row in rejected]
    n_more = rejected[0]["n_refused"] - len(rejected) if rejected else 0
    return (*(f"rejected: {one}" for one in lines), *([f"rejected: {n_more} more rows"] if n_more else []))
