"""The next scheduled runs of a Prefect server, requested without Prefect: importing it takes longer than the answer."""

from collections.abc import Generator, Mapping
from datetime import datetime
from typing import Any, Final

import httpx
import polars as pl

from flows.terminal.password import client_setting, is_local, read_password, server_port

_SCHEMA: Mapping[str, pl.DataType] = {"deployment": pl.String(), "expected_start_at": pl.Datetime("us", "UTC")}
NO_ANSWER: Final = (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError)
"""What comes of a server that does not answer, or is none."""


def server_url() -> str:
    """Return the address of the API: PREFECT_API_URL, else where `ballast up` starts a server."""
    return client_setting("PREFECT_API_URL") or f"http://127.0.0.1:{server_port()}/api"


def next_runs(count: int, seconds: float) -> pl.DataFrame | None:
    """Return the runs that start next, `deployment, expected_start_at`; None when no server answers in time."""
    wanted = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}, "sort": "EXPECTED_START_TIME_ASC"}
    try:
        with server_client(seconds) as client:
            runs = post(client, "/flow_runs/filter", **wanted, limit=count)
            known = post(client, "/deployments/filter")
    except NO_ANSWER:
        return None
    names = {one["id"]: one["name"] for one in known}
    rows = [
        (names.get(run["deployment_id"], run["name"]), datetime.fromisoformat(run["expected_start_time"]))
        for run in runs
    ]
    return pl.DataFrame(rows, dict(_SCHEMA), orient="row")


def server_client(seconds: float) -> httpx.Client:
    """Return a client that is signed in, and waits so long for each answer."""
    return httpx.Client(base_url=server_url(), timeout=seconds, auth=_signed_in())


def post(client: httpx.Client, path: str, **body: object) -> Any:  # noqa: ANN401 - JSON
    """Query the server, and return its answer. *Raises* one of `NO_ANSWER`."""
    return client.post(path, json=body).raise_for_status().json()


def _signed_in() -> httpx.Auth | None:
    """Return the credentials for the server, by the names of Prefect's own settings."""
    if key := client_setting("PREFECT_API_KEY"):
        return _Bearer(key)
    secret = client_setting("PREFECT_API_AUTH_STRING") or (is_local(server_url()) and read_password()) or ""
    user, _, password = secret.partition(":")
    return httpx.BasicAuth(user, password) if user else None


class _Bearer(httpx.Auth):
    def __init__(self, key: str) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._key}"
        yield request
