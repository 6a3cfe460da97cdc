"""A run of very many portfolios: computed in shards, by processes of this machine or a cluster, and read from Parquet.

A shard has a fixed number of portfolios in the order of their names, whatever computes it, and its rows depend on
nothing else: shards that a run left when it was interrupted are taken as they are.
"""

import fcntl
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

import polars as pl

from sizing.frames.day_inputs import DayInputs
from sizing.pipeline import Rebalance
from sizing.risk.volatility import ESTIMATE_COLUMNS, estimate_volatilities
from sizing.text import counted
from sql.errors import PublishRejectedError
from sql.files.atomic_files import locked, make_folder
from sql.part_of_run import scan_files
from sql.records import StoredRows, Totals
from sql.shared_opening import closed_meanwhile
from tasks import artifacts
from tasks.config.lake import object_store
from tasks.config.settings import Settings
from tasks.errors import WorkerError
from tasks.progress import report_progress
from tasks.runs.run_record import OpenRun
from tasks.runs.shards.dask_cluster import compute_by_dask
from tasks.runs.shards.day_files import write_day
from tasks.runs.shards.processes import compute_by_processes
from tasks.runs.shards.shard import TABLES_OF_SHARDS, Done, Shard, Written, find_written, rows_of
from tasks.stages import run_logger, stage

DAY = "day"
"""The folder of what decides the day, beside its shards."""
_KEPT_SECONDS = 7 * 86_400
"""How long the shards of an interrupted run wait for somebody who goes on with it."""


class ResultInShards(NamedTuple):
    """What `rebalance` returns, by the same names: each frame is read when it is collected."""

    decisions: pl.LazyFrame
    sizing_audit: pl.LazyFrame
    sizing_summary: pl.LazyFrame
    targets: pl.LazyFrame
    trade_summary: pl.LazyFrame
    constraint_checks: pl.LazyFrame
    lifecycle: pl.LazyFrame
    risk_estimates: pl.LazyFrame
    stored: Mapping[str, StoredRows] = MappingProxyType({})
    """Of a lake: the files of these tables, which are checked and become part of them."""


Compute: TypeAlias = Callable[[Sequence[Shard]], Iterator[Done]]
"""Computes shards, and returns each as it is done."""

Result: TypeAlias = Rebalance | ResultInShards
"""The result of a run, computed at once or in shards."""


def rows_to_publish(result: Result) -> dict[str, pl.DataFrame | pl.LazyFrame | StoredRows]:
    """Return the rows of each table of a run, by its name."""
    rows = result._asdict()
    return rows | dict(rows.pop("stored", {}))


def compute_in_shards(settings: Settings, run: OpenRun) -> ResultInShards:
    """Compute the run shard by shard. The shards that are done stay for the next time.

    *Raises* `WorkerError`; `PublishRejectedError` for a shard that a check rejects, which is recorded.
    """
    if settings.dask is None:
        return _compute_in_task(settings, run, compute_by_processes)
    # Each shard is a task itself: in a task, Prefect would send its arguments, all inputs, along with each.
    with closed_meanwhile():
        return _compute(settings, run, partial(compute_by_dask, settings.dask))


def _compute(settings: Settings, run: OpenRun, compute: Compute) -> ResultInShards:
    shards = find_shards(settings, run.run_id, run.inputs)
    written = {shard: found for shard in shards if (found := find_written(shard))}
    run_logger().info("shards: %d, of which %d are there already", len(shards), len(written))
    if todo := [shard for shard in shards if shard not in written]:
        warehouse = settings.open_warehouse()
        record = warehouse.query("run_by_id", run_id=run.run_id).row(0, named=True)
        write_day(run.inputs.frames, record, todo[0].day)
        try:
            _follow(run.run_id, compute(todo), len(written), len(shards))
        except PublishRejectedError as rejected:
            warehouse.record_event(run.run_id, "rejected", run.by, rejected.reason)
            raise
        written |= {shard: _require_written(shard) for shard in todo}
    files = {table: tuple(rows_of(shard, table) for shard in shards) for table in TABLES_OF_SHARDS}
    rows = {table: scan_files(own, object_store()).drop("run_id", strict=False) for table, own in files.items()}
    estimates = estimate_volatilities(run.inputs).select(ESTIMATE_COLUMNS).lazy()
    stored = {table: StoredRows(own, _sum(written.values(), table)) for table, own in files.items()}
    return ResultInShards(**rows, risk_estimates=estimates, stored=stored if shards[0].lake else {})


_compute_in_task = stage("shards")(_compute)


def _follow(run_id: str, shards: Iterator[Done], n_before: int, n_shards: int) -> None:
    """Wait for the shards, and tell of each that it is done. *Raises* `PublishRejectedError`."""
    for number, (shard, failures) in enumerate(shards, n_before + 1):
        if failures:
            raise PublishRejectedError(run_id, failures)
        size = counted(shard.n_portfolios, "portfolio")
        run_logger().info("shards: %d of %d, %s to %s", number, n_shards, size, shard.last)
        report_progress(number, n_shards, f"shards to {shard.last}")
        artifacts.show_progress(number / n_shards, "shards", f"Share of {n_shards} shards that are done")


def _require_written(shard: Shard) -> Written:
    """Read again what a worker says that it wrote. *Raises* `WorkerError`."""
    if found := find_written(shard):
        return found
    msg = (
        f"the shard {shard.first} to {shard.last} is computed, and {shard.manifest.parent} has not the files that were "
        "written: every machine must see this folder under this name. Nothing was published: correct it, and run again"
    )
    raise WorkerError(msg)


def _sum(written: Iterable[Written], table: str) -> Totals:
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for one in written:
        for name, value in one.totals.get(table, {}).items():
            totals[name] += value
    return totals


def find_shards(settings: Settings, run_id: str, inputs: DayInputs) -> list[Shard]:
    """Return the shards of a run: `shard_size` portfolios each, in the order of their names."""
    names, folder = sorted(inputs.limits), shard_folder(settings).absolute() / run_id
    size, day, lake = settings.shard_size, folder / DAY, _lake_folder(settings, run_id)
    parts = [names[first : first + size] for first in range(0, len(names), size)]
    return [
        Shard(own[0], own[-1], len(own), day, folder / f"{number * size:08}-{size}.json", lake)
        for number, own in enumerate(parts)
    ]


def _lake_folder(settings: Settings, run_id: str) -> str:
    """Return where a lake has the rows of the shards of a run; a database file has no such place."""
    return "" if settings.store == "embedded" else f"{settings.open_lake().place.data_path}shards/{run_id}"


def shard_folder(settings: Settings) -> Path:
    """Return where shards are kept until their run has ended; in a lake with a folder, where they stay."""
    if settings.has_shared_files:
        return Path(settings.lake_data) / "shards"
    return settings.shard_folder or settings.warehouse.with_name("shards")


def is_large(settings: Settings, run: OpenRun) -> bool:
    """Whether a run is computed in shards."""
    return len(run.inputs.limits) > settings.shard_size


@contextmanager
def holding_shards(settings: Settings, run: OpenRun) -> Iterator[None]:
    """Keep the shards of a large run to this process: another one waits. They are removed at the end, but for an error.

    Of two processes that are started for the same day, none takes away what the other one reads.
    """
    if not is_large(settings, run):
        yield
        return
    folder = shard_folder(settings) if settings.has_shared_files else settings.warehouse.parent
    make_folder(folder)
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(folder, fcntl.LOCK_NB))
        except BlockingIOError:
            with closed_meanwhile():  # that process publishes before it frees the lock
                run_logger().info("shards: waiting for another process, which computes a run in shards")
                stack.enter_context(locked(folder))
        yield
        remove_shards(settings, run.run_id)


def remove_shards(settings: Settings, run_id: str) -> None:
    """Remove the rows of a run that has ended, and of others that nobody has gone on with for days.

    Of a lake the rows stay, for they are its tables: only what was needed to compute them is removed.
    """
    folder, since = shard_folder(settings), time.time() - _KEPT_SECONDS
    if settings.has_shared_files:
        shutil.rmtree(folder / run_id / DAY, ignore_errors=True)
        for manifest in (folder / run_id).glob("*.json"):
            manifest.unlink(missing_ok=True)
        return
    for run in folder.glob("*"):
        if run.name == run_id or run.stat().st_mtime < since:
            shutil.rmtree(run, ignore_errors=True)
    with suppress(OSError):
        folder.rmdir()
