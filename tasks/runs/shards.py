"""A run of very many portfolios: computed in shards, by a process for each core, and read back from Parquet.

A shard has a fixed number of portfolios in the order of their names, whatever computes it, and its rows depend on
nothing else: shards that a run left when it was interrupted are taken as they are.
"""

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import NamedTuple, TypeAlias

import polars as pl

from sizing.frames.day_inputs import DayFrames, DayInputs
from sizing.pipeline import Rebalance
from sizing.risk.volatility import ESTIMATE_COLUMNS, estimate_volatilities
from tasks.config.settings import Settings
from tasks.errors import WorkerError
from tasks.runs.run_record import OpenRun
from tasks.runs.shard_rows import TABLES_OF_SHARDS, compute_shard, is_done, rows_of
from tasks.stages import run_logger, stage
from tasks.worker_process import WorkerProcess, count_cores

_MOST_PROCESSES = 8
"""However many cores there are: each process has a shard in memory."""
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
    _Work(run.inputs.frames, todo, len(shards)).do(min(count_cores(), _MOST_PROCESSES, len(todo)))
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


def remove_shards(settings: Settings, run_id: str) -> None:
    """Remove the rows of a run that has ended; they are in the warehouse, or not wanted."""
    shutil.rmtree(shard_folder(settings) / run_id, ignore_errors=True)


class _Work:
    """The shards that are not there yet, done by several processes."""

    def __init__(self, frames: DayFrames, todo: Sequence[Shard], n_shards: int) -> None:
        self._frames, self._todo, self._lock = frames, iter(todo), Lock()
        self._n_done, self._n_shards, self._log = n_shards - len(todo), n_shards, run_logger()

    def do(self, n_processes: int) -> None:
        """Do them all. *Raises* what one of them raises, when those that were begun are done."""
        with ThreadPoolExecutor(max(n_processes, 1)) as pool:
            try:
                for done in [pool.submit(self._do_some) for _ in range(n_processes)]:
                    done.result()
            finally:
                self._stop()

    def _do_some(self) -> None:
        worker = WorkerProcess()
        try:
            while shard := self._take():
                worker = self._do_one(worker, shard)
                self._tell(shard)
        except BaseException:
            self._stop()
            raise
        finally:
            worker.close()

    def _do_one(self, worker: WorkerProcess, shard: Shard) -> WorkerProcess:
        """Do one shard, by another process where that ends, and return the process that did it."""
        own = part_of(self._frames, shard.portfolio_ids)
        for number in range(1, _TRIES + 1):
            try:
                worker.submit(compute_shard, own, shard.manifest).result()
            except WorkerError as error:
                if number == _TRIES or worker.is_alive():
                    raise
                self._log.warning("shard of %s: %s; it is begun again", shard.portfolio_ids[0], error)
                worker.close()
                worker = WorkerProcess()
            else:
                break
        return worker

    def _take(self) -> Shard | None:
        with self._lock:
            return next(self._todo, None)

    def _stop(self) -> None:
        with self._lock:
            self._todo = iter(())

    def _tell(self, shard: Shard) -> None:
        with self._lock:
            self._n_done += 1
            self._log.info(
                "shards: %d of %d, %d portfolios to %s",
                *(self._n_done, self._n_shards, len(shard.portfolio_ids), shard.portfolio_ids[-1]),
            )


def part_of(frames: DayFrames, portfolio_ids: Sequence[str]) -> DayFrames:
    """Return the inputs of some of the portfolios of a day."""
    own = pl.col("portfolio_id").is_in(list(portfolio_ids))
    return frames._replace(
        limits={name: frames.limits[name] for name in portfolio_ids},
        holdings=frames.holdings.filter(own),
        restrictions=frames.restrictions.filter(own | pl.col("portfolio_id").is_null()),
        states=frames.states.filter(own),
    )
