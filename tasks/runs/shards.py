"""A run of very many portfolios: computed in shards, by a process for each core, and read back from Parquet.

A shard has a fixed number of portfolios in the order of their names, whatever computes it, and its rows depend on
nothing else: shards that a run left when it was interrupted are taken as they are.
"""

import fcntl
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple, TypeAlias

import polars as pl

from sizing.frames.day_inputs import DayFrames, DayInputs
from sizing.pipeline import Rebalance
from sizing.risk.volatility import ESTIMATE_COLUMNS, estimate_volatilities
from sizing.text import counted
from sql.files.atomic_files import locked
from sql.shared_opening import closed_meanwhile
from tasks import artifacts
from tasks.config.settings import Settings
from tasks.errors import WorkerError
from tasks.progress import report_progress
from tasks.runs.run_record import OpenRun
from tasks.runs.shard_rows import TABLES_OF_SHARDS, compute_shard, is_done, rows_of
from tasks.stages import LOGGER, run_logger, stage
from tasks.worker_process import WorkerProcess, count_cores

_MOST_PROCESSES = 8
"""However many cores there are: each process has a shard in memory."""
_KEPT_SECONDS = 7 * 86_400
"""How long the shards of an interrupted run wait for somebody who goes on with it."""
_TRIES = 3
"""How often a shard is begun whose process ends, as one that the system kills for its memory does."""


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


Result: TypeAlias = Rebalance | ResultInShards
"""The result of a run, computed at once or in shards."""


class Shard(NamedTuple):
    """Portfolios that are computed together, and where their rows are."""

    portfolio_ids: list[str]
    manifest: Path


@stage("shards")
def compute_in_shards(settings: Settings, run: OpenRun) -> ResultInShards:
    """Compute the run shard by shard. *Raises* `WorkerError`; the shards that are done stay for the next time."""
    shards = find_shards(settings, run.run_id, run.inputs)
    todo = [shard for shard in shards if not is_done(shard.manifest, shard.portfolio_ids)]
    run_logger().info("shards: %d, of which %d are there already", len(shards), len(shards) - len(todo))
    for number, shard in enumerate(_compute(run.inputs.frames, todo), len(shards) - len(todo) + 1):
        last = shard.portfolio_ids[-1]
        size = counted(len(shard.portfolio_ids), "portfolio")
        run_logger().info("shards: %d of %d, %s to %s", number, len(shards), size, last)
        report_progress(number, len(shards), f"shards to {last}")
        artifacts.show_progress(number / len(shards), "shards", f"Share of {len(shards)} shards that are done")
    rows = {table: pl.scan_parquet([rows_of(shard.manifest, table) for shard in shards]) for table in TABLES_OF_SHARDS}
    estimates = estimate_volatilities(run.inputs).select(ESTIMATE_COLUMNS)
    return ResultInShards(**rows, risk_estimates=estimates.lazy())


def find_shards(settings: Settings, run_id: str, inputs: DayInputs) -> list[Shard]:
    """Return the shards of a run: `shard_size` portfolios each, in the order of their names."""
    names, folder = sorted(inputs.limits), shard_folder(settings) / run_id
    firsts = range(0, len(names), settings.shard_size)
    return [
        Shard(names[first : first + settings.shard_size], folder / f"{first:08}-{settings.shard_size}.json")
        for first in firsts
    ]


def shard_folder(settings: Settings) -> Path:
    """Return where shards are kept until their run has ended."""
    return settings.warehouse.with_name("shards")


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


def _compute(frames: DayFrames, shards: Sequence[Shard]) -> Iterator[Shard]:
    """Compute the shards, a process for each core, and return each as it is done. *Raises* the first error."""
    idle = SimpleQueue[WorkerProcess]()
    n_processes = min(count_cores(), _MOST_PROCESSES, len(shards))
    for _ in range(n_processes):
        idle.put(WorkerProcess())
    pool = ThreadPoolExecutor(max(n_processes, 1))
    try:
        waiting = {pool.submit(_compute_one, idle, frames, shard): shard for shard in shards}
        for done in as_completed(waiting):
            done.result()
            yield waiting[done]
    finally:
        pool.shutdown(cancel_futures=True)
        for _ in range(n_processes):
            idle.get().close()


def _compute_one(idle: "SimpleQueue[WorkerProcess]", frames: DayFrames, shard: Shard) -> None:
    """Compute a shard by a process that has nothing to do, and by another one where that ends."""
    own, worker = part_of(frames, shard.portfolio_ids), idle.get()
    try:
        for number in range(1, _TRIES + 1):
            try:
                worker.submit(compute_shard, own, shard.manifest).result()
            except WorkerError as error:
                if number == _TRIES or worker.is_alive():
                    raise
                LOGGER.warning("shards: %s; its shard is begun again", error)
                worker.close()
                worker = WorkerProcess()
            else:
                return
    finally:
        idle.put(worker)


def part_of(frames: DayFrames, portfolio_ids: Sequence[str]) -> DayFrames:
    """Return the inputs of some of the portfolios of a day."""
    own = pl.col("portfolio_id").is_in(list(portfolio_ids))
    return frames._replace(
        limits={name: frames.limits[name] for name in portfolio_ids},
        holdings=frames.holdings.filter(own),
        restrictions=frames.restrictions.filter(own | pl.col("portfolio_id").is_null()),
        states=frames.states.filter(own),
    )
