"""The health of a Prefect server: is a worker online, does a run hang, has every alert a recipient.

What does not belong here: the published targets, which flows/cli/queries/health.py looks at.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import httpx

from flows.cli.queries.health import Concern
from flows.cli.queries.next_runs import NO_ANSWER, post, server_client, server_url
from flows.server.background_process import Background
from flows.terminal.password import FILE, client_setting
from sizing.text import listed
from tasks.text import utc

_POOL, _NO_RECIPIENT, _OWN = "ballast", "no recipient", "ballast "
_SILENCE, _NOT_STARTED = timedelta(minutes=2), timedelta(minutes=10)
"""After which the automations count a run as dead, see deployments/automations.yaml."""
_FAR_LONGER, _LEAST = 5, timedelta(minutes=10)
_ITS_PLACE = "run this in the folder of `ballast up`, or set PREFECT_API_AUTH_STRING"
_PAST_RUNS, _EVENTS, _AUTOMATIONS = 20, 50, 200


class ServerHealth(NamedTuple):
    """What is not well, and what is only worth a note."""

    concerns: tuple[Concern, ...] = ()
    notes: tuple[str, ...] = ()


def query_health(now: datetime, seconds: float) -> ServerHealth | None:
    """Query the server; None when none answers in so many seconds."""
    try:
        with server_client(seconds) as client:
            concerns = (*_missing_worker(client), *_hanging(client, now))
            return ServerHealth(concerns, tuple(_silent_alerts(client)))
    except httpx.HTTPStatusError as error:
        if error.response.status_code == httpx.codes.UNAUTHORIZED:
            return ServerHealth(notes=(f"the server at {server_url()} requires another password: {_ITS_PLACE}",))
        return None
    except NO_ANSWER:
        return None


def find_lost_server() -> Iterator[Concern]:
    """Return a server that should answer and does not: that of PREFECT_API_URL, or that of `ballast up` in this folder.

    The latter until `ballast down` ends it.
    """
    why = f"nothing answers at {server_url()}, and nothing that is scheduled starts"
    if Background("server", FILE.parent).is_wanted():
        yield Concern("the Prefect server does not answer", why, "ballast up")
    elif client_setting("PREFECT_API_URL"):
        todo = "start that server, correct PREFECT_API_URL, or unset it to run without one"
        yield Concern("the Prefect server does not answer", why, todo)


def _missing_worker(client: httpx.Client) -> Iterator[Concern]:
    answer = client.post(f"/work_pools/{_POOL}/workers/filter", json={})
    if answer.status_code == httpx.codes.NOT_FOUND:
        yield Concern("nothing is deployed", f"the Prefect server at {server_url()} has no work pool", "ballast deploy")
        return
    workers = answer.raise_for_status().json()
    if not any(one["status"] == "ONLINE" for one in workers):
        last = max((one["last_heartbeat_time"] for one in workers if one["last_heartbeat_time"]), default=None)
        since = f"; the last one reported at {utc(datetime.fromisoformat(last))}" if last else ""
        yield Concern("no worker is online", f"nothing that is scheduled starts{since}", "ballast up")


def _hanging(client: httpx.Client, now: datetime) -> Iterator[Concern]:
    """Return runs that were taken and not started, that send no heartbeat, or that take far longer than they did."""
    begun = {"state": {"type": {"any_": ["PENDING", "RUNNING", "CANCELLING"]}}}
    runs = post(client, "/flow_runs/filter", flow_runs=begun, work_pools={"name": {"any_": [_POOL]}})
    alive = _with_heartbeat(client, runs, now)
    for run in runs:
        age = now - datetime.fromisoformat(run["state"]["timestamp"])
        if why := _why_it_hangs(client, run, age, is_alive=run["id"] in alive):
            page = f"{server_url().removesuffix('/api')}/runs/flow-run/{run['id']}"
            todo = f"open {page}, see why it waits or cancel it"
            yield Concern(f"run {run['name']} hangs", why, todo)


def _why_it_hangs(client: httpx.Client, run: Mapping[str, Any], age: timedelta, *, is_alive: bool) -> str | None:
    minutes = f"{age / timedelta(minutes=1):.0f} minutes"
    if run["state"]["type"] == "PENDING":
        return f"a worker took it {minutes} ago and did not start it" if age > _NOT_STARTED else None
    if age > _SILENCE and not is_alive:
        return f"{run['state']['name']} for {minutes}, and no heartbeat came in the last two"
    usual = _longest(client, run["deployment_id"])
    if usual and age > max(_LEAST, _FAR_LONGER * usual):
        return f"it runs for {minutes}, and the longest of its last runs took {usual.total_seconds():.0f} s"
    return None


def _with_heartbeat(client: httpx.Client, runs: list[Mapping[str, Any]], now: datetime) -> set[str]:
    """Return the ids of the runs that sent a heartbeat lately."""
    if not runs:
        return set()
    wanted = {
        "occurred": {"since": (now - _SILENCE).isoformat(), "until": now.isoformat()},
        "event": {"name": ["prefect.flow-run.heartbeat"]},
        "resource": {"id": [f"prefect.flow-run.{run['id']}" for run in runs]},
    }
    events = post(client, "/events/filter", filter=wanted, limit=_EVENTS)["events"]
    return {one["resource"]["prefect.resource.id"].removeprefix("prefect.flow-run.") for one in events}


def _longest(client: httpx.Client, deployment_id: str | None) -> timedelta | None:
    if deployment_id is None:
        return None
    wanted = {"deployments": {"id": {"any_": [deployment_id]}}, "sort": "END_TIME_DESC", "limit": _PAST_RUNS}
    ended = post(client, "/flow_runs/filter", **wanted, flow_runs={"state": {"type": {"any_": ["COMPLETED"]}}})
    return timedelta(seconds=max((run["total_run_time"] for run in ended), default=0)) or None


def _silent_alerts(client: httpx.Client) -> Iterator[str]:
    """Return the automations with alerts and without a recipient, enabled or not."""
    ours = [one for one in post(client, "/automations/filter", limit=_AUTOMATIONS) if one["name"].startswith(_OWN)]
    silent = sorted(
        one["name"].removeprefix(_OWN)
        for one in ours
        if _NO_RECIPIENT in one["tags"] or {action["type"] for action in one["actions"]} <= {"do-nothing"}
    )
    if silent:
        yield (
            f"alerts without a recipient: {listed(silent)}; set BALLAST_ALERT_WEBHOOK or BALLAST_ALERT_EMAIL, "
            "then `ballast deploy`"
        )
