"""A run of very many portfolios: computed in shards, by processes of this machine or a cluster, and read from Parquet.

A shard has a fixed number of portfolios in the order of their names, whatever computes it, and its rows depend on
nothing else: shards that a run left when it was interrupted are taken as they are.
"""

import fcntl
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeAlias

import polars as pl

from sizing.frames.day_inputs import DayInputs
from sizing.pipeline import Rebalance
from sizing.risk.volatility import ESTIMATE_COLUMNS, estimate_volatilities
from sizing.text import counted
from sql.files.atomic_files import locked
from sql.shared_opening import closed_meanwhile
from tasks import artifacts
from tasks.config.settings import Settings
from tasks.progress import report_progress
from tasks.runs.run_record import OpenRun
from tasks.runs.shards.dask_cluster import compute_by_dask
from tasks.runs.shards.day_files import write_day
from tasks.runs.shards.processes import compute_by_processes
from tasks.runs.shards.shard import TABLES_OF_SHARDS, Shard, is_done, rows_of
from tasks.stages import run_logger, stage

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


Compute: TypeAlias = Callable[[Sequence[Shard]], Iterator[Shard]]
"""Computes shards, and returns each as it is done."""

Result: TypeAlias = Rebalance | ResultInShards
"""The result of a run, computed at once or in shards."""


def compute_in_shards(settings: Settings, run: OpenRun) -> ResultInShards:
    """Compute the run shard by shard. *Raises* `WorkerError`; the shards that are done stay for the next time."""
    if settings.dask is None:
        return _compute_in_task(settings, run, compute_by_processes)
    # Each shard is a task itself: in a task, Prefect would send its arguments, all inputs, along with each.
    with closed_meanwhile():
        return _compute(settings, run, partial(compute_by_dask, settings.dask))


def _compute(settings: Settings, run: OpenRun, compute: Compute) -> ResultInShards:
    shards = find_shards(settings, run.run_id, run.inputs)
    todo = [shard for shard in shards if not is_done(shard)]
    run_logger().info("shards: %d, of which %d are there already", len(shards), len(shards) - len(todo))
    if todo:
        write_day(run.inputs.frames, todo[0].day)
        _follow(compute(todo), len(shards) - len(todo), len(shards))
    rows = {table: pl.scan_parquet([rows_of(shard, table) for shard in shards]) for table in TABLES_OF_SHARDS}
    estimates = estimate_volatilities(run.inputs).select(ESTIMATE_COLUMNS)
    return ResultInShards(**rows, risk_estimates=estimates.lazy())


_compute_in_task = stage("shards")(_compute)


def _follow(shards: Iterator[Shard], n_before: int, n_shards: int) -> None:
    """Wait for the shards, and tell of each that it is done."""
    for number, shard in enumerate(shards, n_before + 1):
        size = counted(shard.n_portfolios, "portfolio")
        run_logger().info("shards: %d of %d, %s to %s", number, n_shards, size, shard.last)
        report_progress(number, n_shards, f"shards to {shard.last}")
        artifacts.show_progress(number / n_shards, "shards", f"Share of {n_shards} shards that are done")


def find_shards(settings: Settings, run_id: str, inputs: DayInputs) -> list[Shard]:
    """Return the shards of a run: `shard_size` portfolios each, in the order of their names."""
    names, folder = sorted(inputs.limits), shard_folder(settings).absolute() / run_id
    size, day = settings.shard_size, folder / "day"
    parts = [names[first : first + size] for first in range(0, len(names), size)]
    return [
        Shard(own[0], own[-1], len(own), day, folder / f"{number * size:08}-{size}.json")
        for number, own in enumerate(parts)
    ]


def shard_folder(settings: Settings) -> Path:
    """Return where shards are kept until their run has ended."""
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
    folder = settings.warehouse.parent
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
    """Remove the rows of a run that has ended, and of others that nobody has gone on with for days."""
    folder, since = shard_folder(settings), time.time() - _KEPT_SECONDS
    for run in folder.glob("*"):
        if run.name == run_id or run.stat().st_mtime < since:
            shutil.rmtree(run, ignore_errors=True)
    with suppress(OSError):
        folder.rmdir()
