"""The shards of a run on a Dask cluster, through Prefect: each is a task of the flow run.

A worker that ends loses nothing but time: Dask begins its shards again elsewhere, those that it had done too. What a
shard writes does not depend on that.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from importlib.util import find_spec
from itertools import islice
from typing import Any

from sql.errors import Failure
from tasks.errors import UsageError, WorkerError
from tasks.inputs.fingerprints import code_fingerprint
from tasks.runs.shards.shard import Done, Shard, compute_shard
from tasks.stages import as_task, has_server

_AT_ONCE = 4
"""Shards of each thread of the cluster that wait or are computed: of thousands, the scheduler knows no more."""
_SECONDS = 30
"""How long the scheduler, and then a first worker, may take to answer."""


def require_cluster(dask: str) -> None:
    """Reject what would compute nothing, before anything is read. *Raises* `UsageError`."""
    if not find_spec("prefect_dask"):
        msg = f"BALLAST_DASK is {dask} and Dask is not installed: install the extra `scale`, or unset BALLAST_DASK"
        raise UsageError(msg)
    if not has_server():
        msg = (
            f"BALLAST_DASK is {dask} and there is no Prefect server, without which workers of Dask compute nothing: "
            "start one and set PREFECT_API_URL, or unset BALLAST_DASK"
        )
        raise UsageError(msg)


def compute_by_dask(dask: str, shards: Sequence[Shard]) -> Iterator[Done]:
    """Compute the shards, and return each as it is done. *Requires* `require_cluster`. *Raises* `WorkerError`."""
    from distributed.scheduler import KilledWorker  # noqa: PLC0415 - of the extra

    logging.getLogger("distributed").setLevel(logging.WARNING)
    try:
        yield from _compute(dask, shards)
    # TimeoutError and a lost connection are OSErrors; what a lost scheduler computed is cancelled.
    except (KilledWorker, OSError, CancelledError) as error:
        words = " ".join(str(error).split())
        msg = (
            f"the Dask cluster {dask} does not compute the shards ({type(error).__name__}: {words}): start its "
            "scheduler and workers, look at their logs, and run again; the shards that are done are taken"
        )
        raise WorkerError(msg) from error


def _compute(dask: str, shards: Sequence[Shard]) -> Iterator[Done]:
    from prefect.futures import PrefectFuture, as_completed  # noqa: PLC0415 - only a flow run needs Prefect
    from prefect_dask.task_runners import DaskTaskRunner  # noqa: PLC0415 - of the extra

    task, left, code = as_task(compute_shard, "shard"), iter(shards), code_fingerprint()
    waiting: dict[PrefectFuture[tuple[Failure, ...]], Shard] = {}
    with DaskTaskRunner(**_cluster(dask)) as runner:
        runner.client.wait_for_workers(1, timeout=_SECONDS)
        most = _AT_ONCE * sum(runner.client.nthreads().values())
        while True:
            for shard in islice(left, most - len(waiting)):
                waiting[runner.submit(task, parameters={"shard": shard, "code": code})] = shard
            if not waiting:
                return
            done = next(as_completed(list(waiting)))
            yield Done(waiting.pop(done), done.result())


def _cluster(dask: str) -> Mapping[str, Any]:
    """Return which cluster: that of a scheduler's address, or so many workers of our own."""
    if not dask.isdigit():
        return {"address": dask, "client_kwargs": {"timeout": _SECONDS}}
    own = {"n_workers": int(dask), "threads_per_worker": 1, "dashboard_address": None}
    return {"cluster_kwargs": own | {"env": {"POLARS_MAX_THREADS": "1"}}}
