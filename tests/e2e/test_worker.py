"""The environment that `ballast up` starts: attacked, and with killed runs, a lost server, pauses and alerts."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from stat import S_IMODE

import httpx
import pytest
from prefect.workers.process import ProcessWorker
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from flows.server.deploy import JOB_TEMPLATE
from tests.soak.installation import Installation, installed

AHEAD_SECONDS = 13
"""More than a worker looks ahead: it takes a run ten seconds before its time."""

pytestmark = [pytest.mark.server, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    patience = {"ballast try again": 25, "ballast heartbeat stopped": 40}
    secrets = {"AWS_SECRET_ACCESS_KEY": "of the worker alone", "VENDOR_TOKEN": "too"}
    with installed(tmp_path_factory.mktemp("installation"), patience=patience, environment=secrets) as there:
        yield there


def _soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def _triggers(installation: Installation) -> dict[str, str]:
    automations = installation.ask("POST", "/automations/filter", limit=200)
    return {one["name"]: one["trigger"]["id"] for one in automations}


def _create(installation: Installation, **headers: str) -> httpx.Response:
    """Ask for a run as a page of the browser may: a POST of plain text needs no preflight."""
    path = f"/deployments/{installation.deployment('maintenance')['id']}/create_flow_run"
    auth = installation.password if headers.pop("password", "") else None
    body = '{"job_variables": {"command": "touch attacked"}}'
    return httpx.post(
        installation.api + path, content=body, headers={"Content-Type": "text/plain"} | headers, auth=auth
    )


@pytest.mark.parametrize("path", ["/admin/version", "/flow_runs/filter", "/work_pools/ballast", "/admin/settings"])
@pytest.mark.parametrize("secret", [None, ("ballast", ""), ("", ""), ("ballast", "wrong")])
def test_who_does_not_know_the_password_gets_no_answer(
    installation: Installation, path: str, secret: tuple[str, str] | None
) -> None:
    for method in ("GET", "POST", "PATCH", "DELETE"):
        assert httpx.request(method, installation.api + path, auth=secret).status_code == httpx.codes.UNAUTHORIZED


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, httpx.codes.UNAUTHORIZED),
        ({"Origin": "http://evil.example"}, httpx.codes.FORBIDDEN),
        ({"Origin": "null"}, httpx.codes.FORBIDDEN),
        ({"Origin": "http://evil.example", "password": "known"}, httpx.codes.FORBIDDEN),
        ({"Origin": "http://127.0.0.1:1", "password": "known"}, httpx.codes.FORBIDDEN),
        ({"Host": "evil.example"}, httpx.codes.BAD_REQUEST),
        ({"Host": "127.0.0.1.evil.example", "password": "known"}, httpx.codes.BAD_REQUEST),
        ({"Host": "127.0.0.1:1", "password": "known"}, httpx.codes.BAD_REQUEST),
        ({"Host": "evil.example", "X-Forwarded-Host": "127.0.0.1", "password": "known"}, httpx.codes.BAD_REQUEST),
    ],
)
def test_no_request_of_another_page_or_name_is_answered(
    installation: Installation, headers: dict[str, str], code: int
) -> None:
    assert _create(installation, **headers).status_code == code


def test_no_other_origin_may_read_an_answer_and_the_pages_of_the_server_may(installation: Installation) -> None:
    own = installation.api.removesuffix("/api")
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    for origin, is_allowed in ((own, True), ("http://evil.example", False)):
        preflight = httpx.options(f"{installation.api}/flow_runs/filter", headers=asked | {"Origin": origin})
        assert preflight.headers.get("Access-Control-Allow-Origin") == (own if is_allowed else None)
        assert preflight.is_success == is_allowed
    shown = httpx.get(f"{own}/ui-settings").json()
    assert (shown["api_url"], shown["auth"]) == (installation.api, "BASIC")


@pytest.mark.parametrize("origin", [None, "http://evil.example"])
@pytest.mark.parametrize("path", ["/events/in", "/events/out", "/logs/out", "/work_pools/ballast/workers/connect"])
def test_no_websocket_opens_without_the_password(installation: Installation, path: str, origin: str | None) -> None:
    with pytest.raises((ConnectionClosed, InvalidStatus)):
        _talk(installation.api.replace("http", "ws") + path, origin)


def _talk(url: str, origin: str | None) -> None:
    protocols = [Subprotocol("prefect")]
    with connect(url, origin=Origin(origin) if origin else None, subprotocols=protocols, proxy=None) as socket:
        socket.send('{"type": "auth", "token": ""}')
        socket.recv(timeout=10)


def test_no_job_variable_of_a_caller_reaches_a_process(installation: Installation, tmp_path: Path) -> None:
    attack = {"command": f"touch {tmp_path / 'attacked'}", "env": {"PATH": "/nowhere"}, "working_dir": str(tmp_path)}
    deployment = installation.deployment("maintenance")["id"]
    for variables in ({one: value} for one, value in [*attack.items(), ("env.PATH", "/nowhere"), ("image", "evil")]):
        with pytest.raises(httpx.HTTPStatusError, match="422"):
            installation.ask("POST", f"/deployments/{deployment}/create_flow_run", job_variables=variables)
    # What is written into the deployment, no check of the server looks at.
    run_id = installation.schedule("maintenance", _soon(5))
    installation.ask("PATCH", f"/deployments/{deployment}", job_variables=attack)
    assert installation.wait_for(run_id, "Completed", "Failed", "Crashed") == "Failed"  # no day was published yet
    assert "no warehouse" in installation.message(run_id)
    assert list(tmp_path.iterdir()) == []

    open_to_all = ProcessWorker.get_default_base_job_template()
    installation.ask("PATCH", "/work_pools/ballast", base_job_template=open_to_all)
    installation.ballast("deploy")
    assert installation.ask("GET", "/work_pools/ballast")["base_job_template"] == JOB_TEMPLATE
    assert not installation.deployment("maintenance")["job_variables"]


def test_the_server_gets_no_secret_of_the_worker(installation: Installation) -> None:
    names = {
        process: {line.partition("=")[0] for line in _environ(installation, process).split("\0")}
        for process in ("server", "worker")
    }
    assert {"AWS_SECRET_ACCESS_KEY", "VENDOR_TOKEN", "BALLAST_ALERT_WEBHOOK"} <= names["worker"]
    assert {one for one in names["server"] if one.startswith(("BALLAST", "AWS", "VENDOR"))} == set()


def _environ(installation: Installation, process: str) -> str:
    return Path(f"/proc/{installation.process(process).pid()}/environ").read_text()


def test_a_run_that_dies_before_its_first_heartbeat_is_crashed_and_gives_its_place_back(
    installation: Installation,
) -> None:
    path = f"/deployments/{installation.deployment('maintenance')['id']}/create_flow_run"
    run_id = installation.ask("POST", path, state={"type": "PENDING"})["id"]
    for state in ("PENDING", "RUNNING"):  # as by a process that is killed right after it said that it runs
        installation.ask("POST", f"/flow_runs/{run_id}/set_state", state={"type": state}, force=False)
    assert installation.wait_for(run_id, "Crashed") == "Crashed"
    assert "heartbeat" in installation.message(run_id)
    following = installation.schedule("maintenance", _soon(0))
    installation.wait_for(following, "Running")


def test_a_scheduled_run_that_is_killed_while_it_publishes_ends_crashed_and_its_second_attempt_publishes(
    installation: Installation,
) -> None:
    installation.kill_next_publication()
    run_id = installation.schedule("daily-rebalance", _soon(1), {"as_of_date": "2025-06-02"})
    installation.wait_for(run_id, "Published")
    states = installation.states(run_id)
    assert states.index("Running") < states.index("Crashed") < states.index("AwaitingRetry") < states.index("Published")
    events = installation.settings.open_warehouse().query_snapshot("FROM run_events ORDER BY event_id")["state"]
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
    published = installation.settings.open_warehouse().query_snapshot(
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
    published = installation.settings.open_warehouse().query_snapshot(
        "FROM run_events WHERE state = 'published' AND run_id LIKE '2025-06-04%'"
    )
    assert len(published) == 1
    _require_modes(installation.folder)
    assert "nothing was running" in installation.ballast("down")
    with pytest.raises(httpx.TransportError):
        httpx.get(installation.api + "/health", timeout=5)


def _require_modes(folder: Path) -> None:
    """Require the documented mode of every file that the environment made."""
    made = [path for name in (".ballast", ".prefect", "targets") for path in (folder / name).rglob("*")]
    made += folder.glob("*.duckdb*")
    modes = {str(path.relative_to(folder)): S_IMODE(path.stat().st_mode) for path in made if path.is_file()}
    assert modes.pop(".ballast/run/password") == 0o600
    assert {"warehouse.duckdb", "snapshot.duckdb", ".prefect/prefect.db", ".ballast/run/worker.log"} <= modes.keys()
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o027} == {}
