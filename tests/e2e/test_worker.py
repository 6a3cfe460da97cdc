"""The environment that `ballast up` starts, with its faults: a killed run, a server that is gone, pauses, alerts."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.soak.installation import Installation, installed

AHEAD_SECONDS = 13
"""More than a worker looks ahead: it takes a run ten seconds before its time."""

pytestmark = [pytest.mark.server, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(tmp_path_factory.mktemp("installation"), patience={"ballast try again": 25}) as there:
        yield there


def _soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def _triggers(installation: Installation) -> dict[str, str]:
    automations = installation.ask("POST", "/automations/filter", limit=200)
    return {one["name"]: one["trigger"]["id"] for one in automations}


def test_a_scheduled_run_that_is_killed_while_it_publishes_ends_crashed_and_its_second_attempt_publishes(
    installation: Installation,
) -> None:
    installation.kill_next_publication()
    run_id = installation.schedule("daily-rebalance", _soon(1), {"as_of_date": "2025-06-02"})
    installation.wait_for(run_id, "Published")
    states = installation.states(run_id)
    assert states.index("Running") < states.index("Crashed") < states.index("AwaitingRetry") < states.index("Published")
    events = installation.settings.open_warehouse().ask_snapshot("FROM run_events ORDER BY event_id")["state"]
    assert events.to_list() == ["started", "started", "published"]
    shown = installation.ask("POST", "/artifacts/filter", artifacts={"flow_run_id": {"any_": [run_id]}})
    assert {"markdown", "table"} <= {artifact["type"] for artifact in shown}

    alert = next(one for one in installation.alerts if "daily-rebalance Crashed" in one["subject"])
    assert "2025-06-02" in alert["subject"]
    assert f"/runs/flow-run/{run_id}" in alert["body"]
    assert "tried again" in alert["body"]
    assert "FROM run_health" in alert["body"]


def test_what_operations_paused_or_disabled_stays_so_when_it_is_deployed_again(installation: Installation) -> None:
    deployment = installation.deployment("daily-rebalance")
    [late] = [one for one in deployment["schedules"] if one["slug"] == "late-files"]
    installation.ask("PATCH", f"/deployments/{deployment['id']}/schedules/{late['id']}", active=False)
    installation.ask("PATCH", f"/deployments/{installation.deployment('backfill')['id']}", paused=True)
    [held] = installation.ask("POST", "/automations/filter", automations={"name": {"any_": ["ballast held"]}})
    installation.ask("PATCH", f"/automations/{held['id']}", enabled=False)
    before = _triggers(installation)

    assert "deployments daily-rebalance, backfill" in installation.ballast("deploy")

    again = installation.deployment("daily-rebalance")
    assert {one["slug"]: one["active"] for one in again["schedules"]} == {"after-close": True, "late-files": False}
    assert not again["paused"]
    assert installation.deployment("backfill")["paused"]
    assert not installation.ask("GET", f"/automations/{held['id']}")["enabled"]
    assert _triggers(installation) == before  # else the server forgets which crashed runs it is to try again


def test_a_run_that_is_late_because_the_server_was_gone_does_its_day_once(installation: Installation) -> None:
    at = _soon(AHEAD_SECONDS)
    run_id = installation.schedule("daily-rebalance", at, {"as_of_date": "2025-06-03"})
    assert installation.process("server").stop(30)
    time.sleep(max(0, (at - datetime.now(UTC)).total_seconds()))
    assert "ready" in installation.ballast("up")
    assert installation.wait_for(run_id, "Published", "Unchanged") == "Published"
    published = installation.settings.open_warehouse().ask_snapshot(
        "SELECT count(*) FROM run_events WHERE state = 'published' AND run_id LIKE '2025-06-03%'"
    )
    assert published.rows() == [(1,)]


def test_a_second_up_says_that_it_runs_and_down_lets_a_run_end_then_ends_worker_and_server(
    installation: Installation,
) -> None:
    assert "runs already: http://127.0.0.1:" in installation.ballast("up")
    installation.environment["BALLAST_INBOX"] = "elsewhere"
    installation.ballast("up", expected=1)  # it says which setting is another
    run_id = installation.schedule("daily-rebalance", _soon(0), {"as_of_date": "2025-06-04"})
    installation.wait_for(run_id, "Pending")
    assert installation.ballast("down") == "stopped: worker, then server\n"
    assert not (installation.folder / ".ballast" / "run" / "paused").exists()
    published = installation.settings.open_warehouse().ask_snapshot(
        "FROM run_events WHERE state = 'published' AND run_id LIKE '2025-06-04%'"
    )
    assert len(published) == 1
    assert "nothing was running" in installation.ballast("down")
    with pytest.raises(httpx.TransportError):
        httpx.get(installation.api + "/health", timeout=5)
