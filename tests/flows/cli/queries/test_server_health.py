"""What `ballast status` says of a real server: nobody there to run, a run that hangs, alerts that reach nobody."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.states import Completed, Pending, Running

from flows.cli.queries import server_health
from flows.cli.queries.health import Concern
from flows.cli.queries.next_runs import server_url
from flows.cli.queries.server_health import ServerHealth, query_health
from flows.server.automations import NO_RECIPIENT
from flows.server.deploy import POOL

LATER = timedelta(minutes=30)

pytestmark = pytest.mark.server


@pytest.fixture
def client(connected: str) -> Iterator[SyncPrefectClient]:  # noqa: ARG001 - the server
    with get_client(sync_client=True) as opened:
        yield opened


@pytest.fixture
def pool(client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"watched {uuid4()}"
    client.create_work_pool(WorkPoolCreate(name=name, type="process"))
    monkeypatch.setattr(server_health, "_POOL", name)
    return name


def _health(now: datetime) -> ServerHealth:
    found = query_health(now, 10)
    assert found
    return found


def _deployed(client: SyncPrefectClient, pool: str, name: str, **state: Any) -> Any:  # noqa: ANN401 - a run
    flow_id = client.create_flow(Flow(lambda: None, name=name))
    deployment = client.create_deployment(flow_id, name, work_pool_name=pool, entrypoint="nowhere.nothing")
    return client.create_flow_run_from_deployment(deployment, name=name, **state)


def test_it_says_when_nobody_is_there_to_run_what_is_scheduled(
    client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch, pool: str
) -> None:
    now = datetime.now(UTC)
    assert [one.what for one in _health(now).concerns] == ["no worker is online"]
    client.send_worker_heartbeat(pool, "one", heartbeat_interval_seconds=30)
    assert _health(now).concerns == ()
    monkeypatch.setattr(server_health, "_POOL", "never made")
    assert [one.todo for one in _health(now).concerns] == ["ballast deploy"]


def test_a_run_hangs_that_is_not_started_sends_no_heartbeat_or_takes_far_longer(
    client: SyncPrefectClient, pool: str
) -> None:
    client.send_worker_heartbeat(pool, "one", heartbeat_interval_seconds=30)
    now = datetime.now(UTC)
    taken = _deployed(client, pool, "taken", state=Pending())
    silent = _deployed(client, pool, "silent", state=Running())
    slow = _deployed(client, pool, "slow", state=Running())
    past = client.create_flow_run_from_deployment(slow.deployment_id, state=Running())
    client.set_flow_run_state(past.id, Completed(), force=True)
    _deployed(client, pool, "waits for its time")
    assert _health(now).concerns == ()  # none of them for long

    _send_heartbeat(slow.id, now + LATER - timedelta(seconds=30))
    until = time.monotonic() + 30
    hanging: dict[str, Concern] = {}
    while "longest" not in str(hanging) and time.monotonic() < until:  # the server stores events in batches
        time.sleep(0.5)
        hanging = {one.what: one for one in _health(now + LATER).concerns}
    assert hanging.keys() == {"run taken hangs", "run silent hangs", "run slow hangs"}
    assert "30 minutes ago" in hanging["run taken hangs"].why
    assert "no heartbeat" in hanging["run silent hangs"].why
    assert "longest of its last runs" in hanging["run slow hangs"].why
    assert f"/runs/flow-run/{silent.id}" in hanging["run silent hangs"].todo
    for run in (taken, silent, slow):
        client.delete_flow_run(run.id)


def _send_heartbeat(run_id: object, at: datetime) -> None:
    resource = {"prefect.resource.id": f"prefect.flow-run.{run_id}"}
    event = {"id": str(uuid4()), "event": "prefect.flow-run.heartbeat", "occurred": at.isoformat()}
    httpx.post(f"{server_url()}/events", json=[event | {"resource": resource}]).raise_for_status()


@pytest.mark.usefixtures("pool")
def test_it_names_the_alerts_that_reach_nobody(client: SyncPrefectClient) -> None:
    trigger = {"type": "event", "posture": "Reactive", "threshold": 1, "within": 0, "expect": ["never"]}
    made = {
        f"{POOL} tagged": {"tags": [NO_RECIPIENT], "enabled": False},
        f"{POOL} armed and empty": {"tags": [], "enabled": True},
        "of somebody else": {"tags": [NO_RECIPIENT], "enabled": True},
    }
    for name, more in made.items():
        body = {"name": name, "trigger": trigger, "actions": [{"type": "do-nothing"}]}
        httpx.post(f"{server_url()}/automations/", json=body | more).raise_for_status()
    [note] = _health(datetime.now(UTC)).notes
    assert "armed and empty, tagged" in note
    assert "somebody else" not in note
    for name in made:
        for one in client.read_automations_by_name(name):
            client.delete_automation(one.id)


def test_no_answer_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    assert query_health(datetime.now(UTC), 1) is None
