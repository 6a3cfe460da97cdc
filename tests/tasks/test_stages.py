"""Stages: outside a flow run the plain function, tried again where that helps; within one, tasks with one client."""

import asyncio
from collections.abc import Callable

import pytest
from prefect import flow, get_client
from prefect.client.orchestration import SyncPrefectClient

from sql.engine.connections import DatabaseFile
from sql.errors import WarehouseError, WarehouseLockedError
from sql.shared_opening import shared_opening
from tasks.config.settings import Settings
from tasks.errors import SourceError, SourceUnavailableError
from tasks.retries import Retries
from tasks.stages import LOGGER, flow_run_id, flow_run_name, one_client, run_logger, scheduled_start_time, stage


def _failing(*errors: Exception) -> tuple[Callable[[int], int], list[int]]:
    """A stage that fails with each of the errors in turn, and what it was called with."""
    calls: list[int] = []

    @stage("fails", Retries(2, delay_seconds=0))
    def fail(number: int) -> int:
        calls.append(number)
        if len(calls) <= len(errors):
            raise errors[len(calls) - 1]
        return 2 * number

    return fail, calls


@pytest.mark.parametrize(
    "error", [WarehouseLockedError("locked"), SourceUnavailableError("away"), PermissionError("not now")]
)
def test_what_may_pass_is_tried_again_as_often_as_it_says(error: Exception) -> None:
    fail, calls = _failing(error, error)
    assert (fail(3), calls) == (6, [3, 3, 3])
    fail, calls = _failing(error, error, error)
    with pytest.raises(type(error)):
        fail(3)
    assert calls == [3, 3, 3]


@pytest.mark.parametrize("error", [SourceError("no rows"), WarehouseError("broken"), FileNotFoundError("gone")])
def test_what_does_not_pass_by_itself_is_raised_at_once(error: Exception) -> None:
    fail, calls = _failing(error)
    with pytest.raises(type(error)):
        fail(3)
    assert calls == [3]


def test_without_a_flow_run_there_is_none_to_name() -> None:
    assert (flow_run_id(), flow_run_name(), scheduled_start_time()) == (None, None, None)
    assert run_logger() is LOGGER


@stage("find client")
def _find_client() -> SyncPrefectClient:
    with get_client(sync_client=True) as client:
        return client


@pytest.mark.server
@pytest.mark.usefixtures("connected")
def test_the_tasks_of_a_flow_run_share_a_client_that_is_asked_for_once() -> None:
    @flow(name="find clients", persist_result=False)
    async def find_clients() -> bool:
        own = _find_client() is not _find_client()
        with one_client():
            return own and _find_client() is _find_client()

    assert asyncio.run(find_clients())


def test_without_a_flow_run_no_client_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prefect.context.SyncClientContext.get_or_create", None)
    with one_client():
        pass


@pytest.mark.parametrize(("is_quick", "n_openings"), [(True, 1), (False, 3)])
def test_only_between_quick_stages_the_warehouse_stays_open(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, *, is_quick: bool, n_openings: int
) -> None:
    settings.open_warehouse().migrate()
    openings: list[float] = []
    opened = DatabaseFile.opened
    monkeypatch.setattr(DatabaseFile, "opened", lambda *args: (openings.append(1), opened(*args))[1])

    @stage("look", is_quick=True)
    def look() -> None:
        settings.open_warehouse().query("current_targets")

    @stage("between", is_quick=is_quick)
    def between() -> None:
        settings.open_warehouse().query("current_targets")

    with shared_opening():
        look()
        between()
        look()
    assert len(openings) == n_openings
