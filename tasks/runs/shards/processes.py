"""The shards of a run on this machine: a process for each core."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from queue import SimpleQueue

from sql.errors import Failure
from tasks.errors import WorkerError
from tasks.inputs.fingerprints import code_fingerprint
from tasks.runs.shards.shard import Done, Shard, compute_shard
from tasks.stages import LOGGER
from tasks.worker_process import WorkerProcess, count_cores

_MOST_PROCESSES = 8
"""However many cores there are: each process has a shard in memory."""
_TRIES = 3
"""How often a shard is begun whose process ends, as one that the system kills for its memory does."""


def compute_by_processes(shards: Sequence[Shard]) -> Iterator[Done]:
    """Compute the shards, a process for each core, and return each as it is done. *Raises* the first error."""
    idle = SimpleQueue[WorkerProcess]()
    n_processes = min(count_cores(), _MOST_PROCESSES, len(shards))
    for _ in range(n_processes):
        idle.put(WorkerProcess())
    pool = ThreadPoolExecutor(max(n_processes, 1))
    try:
        waiting = {pool.submit(_compute_one, idle, shard): shard for shard in shards}
        for done in as_completed(waiting):
            yield Done(waiting[done], done.result())
    finally:
        pool.shutdown(cancel_futures=True)
        for _ in range(n_processes):
            idle.get().close()


def _compute_one(idle: "SimpleQueue[WorkerProcess]", shard: Shard) -> tuple[Failure, ...]:
    """Compute a shard by a process that has nothing to do, and by another one where that ends."""
    worker = idle.get()
    try:
        for left in reversed(range(_TRIES)):
            try:
                return worker.submit(compute_shard, shard, code_fingerprint()).result()
            except WorkerError as error:
                if not left or worker.is_alive():
                    raise
                LOGGER.warning("shards: %s; its shard is begun again", error)
                worker.close()
                worker = WorkerProcess()
        raise AssertionError
    finally:
        idle.put(worker)
