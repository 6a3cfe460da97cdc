"""Runs that a worker took and left behind, on a real server, without a worker."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import WorkPoolFilter, WorkPoolFilterName
from prefect.client.schemas.objects import StateType
from prefect.states import State

from flows.server import orphaned_runs

POOL = "left-behind"
NOBODY = 2**22 + 1
"""A number that no process has: the highest of Linux is 2 ** 22."""

pytestmark = pytest.mark.server


@flow
def a_flow() -> None:
    """Is never started."""


@pytest.fixture
def pool(connected: str, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - the server
    monkeypatch.setattr(orphaned_runs, "POOL", POOL)
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process"), overwrite=True)


@pytest.fixture
def living() -> Iterator[int]:
    """A process that looks like one of a flow run whose worker was killed."""
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()", "prefect"], stdin=-1) as process:
        yield process.pid
        process.terminate()


async def _leave_behind(runs: dict[str, tuple[StateType, int | None]]) -> None:
    async with get_client() as client:
        for name, (state, pid) in runs.items():
            begun: State[Any] = State(type=state)
            run = await client.create_flow_run(a_flow, name=name, state=begun, work_pool_name=POOL)
            await client.update_flow_run(run.id, infrastructure_pid=str(pid) if pid else None)


async def _states() -> dict[str, str | None]:
    async with get_client() as client:
        runs = await client.read_flow_runs(work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[POOL])))
    return {run.name: run.state_name for run in runs}


@pytest.mark.usefixtures("pool")
def test_what_a_dead_worker_left_behind_ends_and_what_lives_or_waits_is_left_alone(living: int) -> None:
    runs = {
        "began": (StateType.RUNNING, NOBODY),
        "its number is another process's": (StateType.RUNNING, os.getpid()),
        "was taken": (StateType.PENDING, None),
        "is in cancellation": (StateType.CANCELLING, NOBODY),
        "lives": (StateType.RUNNING, living),
        "waits": (StateType.SCHEDULED, None),
    }
    asyncio.run(_leave_behind(runs))
    ended = orphaned_runs.end_cut_off()
    assert ended == ("began", "is in cancellation", "its number is another process's", "was taken")
    assert asyncio.run(_states()) == {
        "began": "Crashed",
        "its number is another process's": "Crashed",
        "was taken": "Crashed",
        "is in cancellation": "Cancelled",
        "lives": "Running",
        "waits": "Scheduled",
    }
    said: list[str] = []
    assert orphaned_runs.wait_for_ends(0, said.append) == ("lives",)
    _another_machine_has_a_worker()
    asyncio.run(_leave_behind({"is perhaps of another machine": (StateType.RUNNING, NOBODY)}))
    assert orphaned_runs.end_cut_off() == ()


def _another_machine_has_a_worker() -> None:
    with get_client(sync_client=True) as client:
        client.send_worker_heartbeat(POOL, "of another machine", heartbeat_interval_seconds=30)


@pytest.mark.usefixtures("pool")
def test_no_run_is_taken_while_the_worker_is_to_end_and_a_pause_of_operations_stays(tmp_path: Path) -> None:
    note = tmp_path / "paused"
    with orphaned_runs.no_new_runs(note):
        assert _is_paused()
        assert note.exists()
        with orphaned_runs.no_new_runs(tmp_path / "none"):  # as if operations had paused it before
            pass
        assert _is_paused()
    assert not _is_paused()
    assert not note.exists()


def _is_paused() -> bool:
    with get_client(sync_client=True) as client:
        return client.read_work_pool(POOL).is_paused
