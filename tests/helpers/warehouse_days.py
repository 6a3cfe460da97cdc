"""The same days of portfolios in several warehouses: run one by one or backfilled, and the rows that have to agree."""

import shutil
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from sizing import RebalancingLimits
from sizing.pipeline import rebalance
from sizing.selection.score_coverage import find_missing_scores
from sql.engine.table_contracts import RUN_TABLES
from tasks.config.settings import Settings
from tasks.runs.ingest import ingest_range
from tasks.runs.multi_day.backfill import publish_days as backfill_days
from tasks.runs.multi_day.backfill_report import DayDone
from tasks.runs.multi_day.day_stretches import Book
from tasks.runs.replay import replay_runs
from tasks.runs.run_record import OpenRun, start_run
from tests.helpers.installation import installed_in

Limits = Mapping[str, RebalancingLimits]


def copy_of(settings: Settings, path: Path | str) -> Settings:
    """Return the settings with a copy of the warehouse at the path; a name alone stands beside it."""
    copied = settings.warehouse.parent / path
    shutil.copy(settings.warehouse, copied)
    return settings.at({"warehouse": copied})


def read_inbox(warehouse: Path, days: Sequence[date]) -> Settings:
    """Return the settings of the installation around a warehouse, with the files of its inbox read for the days."""
    settings = installed_in(warehouse.parent, warehouse.parent / "inbox")
    ingest_range(settings, days, {})
    return settings


def run_daily(settings: Settings, days: Sequence[date], limits: Limits) -> list[OpenRun]:
    """Publish day after day, and return the runs; a day that misses too many scores is held."""
    runs = []
    with settings.open_warehouse().kept_open() as warehouse:
        for day in days:
            run = start_run(
                *(warehouse, "XNYS", day, limits, []), by="test", entry_scores_up_to=settings.entry_scores_up_to
            )
            runs.append(run)
            if find_missing_scores(run.inputs):
                warehouse.record_event(run.run_id, "held", "test", "no scores")
            else:
                warehouse.publish(run.run_id, rebalance(run.inputs)._asdict(), "test", run.warnings)
    return runs


def backfill(settings: Settings, days: Sequence[date], limits: Limits, *, keep_going: bool = False) -> list[DayDone]:
    """Publish the days as `ballast backfill` does."""
    with settings.open_warehouse().kept_open() as warehouse:
        book = Book(warehouse, "XNYS", limits, "test", None, entry_scores_up_to=settings.entry_scores_up_to)
        return list(backfill_days(book, tuple(days), keep_going=keep_going))


def require_agreement(settings: Settings, days: Sequence[date], limits: Limits) -> None:
    """Run the days one by one, backfill them in a copy, and replay both: every row has to agree."""
    together = copy_of(settings, "together.duckdb")
    run_ids = [run.run_id for run in run_daily(settings, days, limits)]
    assert [one.state for one in backfill(together, days, limits)] == ["published"] * len(days)
    assert run_rows(together) == run_rows(settings)
    for one in (settings, together):
        require_same_replay(one, run_ids)


def require_same_replay(settings: Settings, run_ids: Sequence[str]) -> None:
    """Replay the runs: from the same inputs, each has to compute what it stored."""
    done = replay_runs(settings, tuple(run_ids))
    assert [(one.n_differences, one.has_other_inputs) for one in done] == [(0, False)] * len(run_ids)


def ask(settings: Settings, query: str) -> list[Any]:
    """Return the rows of a query of the warehouse."""
    with settings.open_warehouse().connected() as con:
        return con.execute(query).fetchall()


def run_rows(settings: Settings) -> dict[str, list[Any]]:
    """Return all that the runs left: the rows of each table, what names each run, and its warnings."""
    tables = {table: f"FROM {table} ORDER BY ALL" for table in RUN_TABLES}
    records = {
        "runs": "SELECT run_id, input_fingerprint, inputs FROM runs ORDER BY ALL",
        "warnings": "SELECT run_id, warnings FROM run_health ORDER BY ALL",
    }
    return {name: ask(settings, query) for name, query in (tables | records).items()}
