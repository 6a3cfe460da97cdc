"""Runs that a worker took and that have not ended: waited for before it ends, and ended for it when it is gone.

What does not belong here: the worker itself, and what is tried again, which the server does by its automations.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, StateType, WorkerStatus
from prefect.states import Cancelled, Crashed

from flows.server.background_process import is_running
from flows.server.deploy import POOL

_BEGUN = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
_GONE = "Its worker is gone and its process with it. Nothing is half written"
_POLL_SECONDS = 1


@contextmanager
def no_new_runs(note: Path) -> Iterator[None]:
    """Keep the worker from taking runs while the block lasts; a pool that operations paused stays paused.

    *Adds* a note as long as it lasts, by which `take_runs_again` knows of a block that was killed.
    """
    with get_client(sync_client=True) as client:
        if not client.read_work_pool(POOL).is_paused:
            note.touch()
            client.update_work_pool(POOL, WorkPoolUpdate(is_paused=True))
    try:
        yield
    finally:
        take_runs_again(note)


def take_runs_again(note: Path) -> None:
    """Lift the pause that the note speaks of, if there is one."""
    if note.exists():
        with get_client(sync_client=True) as client:
            client.update_work_pool(POOL, WorkPoolUpdate(is_paused=False))
        note.unlink()


def wait_for_ends(seconds: float, report: Callable[[str], None]) -> tuple[str, ...]:
    """Wait for the runs that began, reporting which, and return the names of those that did not end in time."""
    until = time.monotonic() + seconds
    before: tuple[str, ...] = ()
    with get_client(sync_client=True) as client:
        while left := _names(_unfinished(client)):
            if time.monotonic() > until:
                return left
            if left != before:
                report(f"waits up to {seconds:.0f} s for {', '.join(left)}")
                before = left
            time.sleep(_POLL_SECONDS)
    return ()


def end_cut_off() -> tuple[str, ...]:
    """Crash the runs whose worker and process are gone, and return their names; one in cancellation is cancelled.

    *Requires* that no worker of this machine runs. While one of another name is online, the runs may be its own, and
    none is touched. What has a process that is alive here is left to end by itself.
    """
    with get_client(sync_client=True) as client:
        workers = client.read_workers_for_work_pool(POOL)
        if any(one.status == WorkerStatus.ONLINE and one.name != POOL for one in workers):
            return ()
        gone = [run for run in _unfinished(client) if not _is_alive(run)]
        for run in gone:
            end = Cancelled if run.state_type == StateType.CANCELLING else Crashed
            client.set_flow_run_state(run.id, end(message=_GONE), force=True)
    return _names(gone)


def _is_alive(run: FlowRun) -> bool:
    pid = run.infrastructure_pid or ""
    return pid.isdigit() and is_running(int(pid), "prefect")


def _names(runs: list[FlowRun]) -> tuple[str, ...]:
    return tuple(sorted(run.name for run in runs))


def _unfinished(client: SyncPrefectClient) -> list[FlowRun]:
    return client.read_flow_runs(
        work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[POOL])),
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_BEGUN))),
    )
