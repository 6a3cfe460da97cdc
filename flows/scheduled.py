"""What a Prefect server has scheduled next, asked without Prefect: importing it takes longer than the answer."""

import os
from collections.abc import Generator, Mapping
from datetime import datetime

import httpx
import polars as pl

_PATIENCE_SECONDS = 1.0
_SCHEMA: Mapping[str, pl.DataType] = {"deployment": pl.String(), "expected_start_at": pl.Datetime("us", "UTC")}


def server_url() -> str:
    """Give the address of the API: PREFECT_API_URL, else where `ballast up` starts a server."""
    port = os.environ.get("PREFECT_SERVER_API_PORT", "4200")
    return os.environ.get("PREFECT_API_URL") or f"http://127.0.0.1:{port}/api"


def next_runs(count: int) -> pl.DataFrame | None:
    """Give the runs that start next, `deployment, expected_start_at`; None when no server answers in time."""
    wanted = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}, "sort": "EXPECTED_START_TIME_ASC"}
    try:
        with httpx.Client(base_url=server_url(), timeout=_PATIENCE_SECONDS, auth=_signed_in()) as client:
            runs = client.post("/flow_runs/filter", json=wanted | {"limit": count}).raise_for_status().json()
            known = client.post("/deployments/filter", json={}).raise_for_status().json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return None
    names = {one["id"]: one["name"] for one in known}
    rows = [
        (names.get(run["deployment_id"], run["name"]), datetime.fromisoformat(run["expected_start_time"]))
        for run in runs
    ]
    return pl.DataFrame(rows, dict(_SCHEMA), orient="row")


def _signed_in() -> httpx.Auth | None:
    """Give what the server asks for, by the names of Prefect's own settings."""
    if key := os.environ.get("PREFECT_API_KEY"):
        return _Bearer(key)
    user, _, password = os.environ.get("PREFECT_API_AUTH_STRING", "").partition(":")
    return httpx.BasicAuth(user, password) if user else None


class _Bearer(httpx.Auth):
    def __init__(self, key: str) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._key}"
        yield request
