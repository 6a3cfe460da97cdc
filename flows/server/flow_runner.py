"""How a command runs a flow: on a Prefect server or within this process, with progress, and with its failure raised."""

import asyncio
import json
import os
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from prefect import Flow, State
from prefect.context import SyncClientContext
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_KEY,
    PREFECT_API_URL,
    PREFECT_HOME,
    PREFECT_SERVER_ALLOW_EPHEMERAL_MODE,
    get_current_settings,
)
from pydantic import BaseModel
from rich.console import Console

from flows.terminal.console import progress_bar
from tasks.config.settings import Settings
from tasks.errors import ServerUnreachableError, UsageError
from tasks.progress import watched_by

Body = Callable[[], Coroutine[Any, Any, State[Any]]]
"""What a flow does, with what its command has read already."""


def run_watched(console: Console, flow: Flow[..., Any], config: BaseModel, body: Body | None = None) -> State[Any]:
    """Run a long flow with a progress bar, and return its state. *Raises* what made it fail."""
    with progress_bar(console) as progress, flow_engine():
        bar = progress.add_task(starting(), total=None)
        with watched_by(
            lambda done, total, words: progress.update(bar, completed=done, total=total, description=words)
        ):
            return run_flow(flow, config, body)


@contextmanager
def flow_engine() -> Iterator[None]:
    """Prepare what the flows of the block are run with. *Raises* `ServerUnreachableError`."""
    if not uses_prefect():
        yield
        return
    require_server()
    # One client for all tasks: each would make its own, and read every certificate of the system for it.
    with _explain_no_server(), SyncClientContext.get_or_create():
        yield


def run_flow(flow: Flow[..., Any], config: BaseModel, body: Body | None = None) -> State[Any]:
    """Run a flow and return its state. *Raises* what made it fail.

    It is a flow run where there is a Prefect server. Where there is none, the same stages run within this process, with
    what the command has read already, if it gives the `body`.
    """
    if uses_prefect():
        _require_small(config)
        return asyncio.run(_run_on_server(flow, config))
    return _run_here(body() if body else flow.fn(config))


def uses_prefect() -> bool:
    """Report whether flows are flow runs: a server is configured, or a temporary one is allowed."""
    return bool(PREFECT_API_URL.value()) or PREFECT_SERVER_ALLOW_EPHEMERAL_MODE.value()


def starting() -> str:
    """Return what a command waits for at first."""
    return "starting Prefect" if uses_prefect() else "running"


def _require_small(config: BaseModel) -> None:
    """Reject parameters that Prefect does not accept, which would end in a traceback. *Raises* `UsageError`."""
    size = len(json.dumps({"config": config.model_dump(mode="json")}, separators=(",", ":")))
    most = get_current_settings().server.api.max_parameter_size
    if 0 < most < size:
        msg = (
            f"the parameters of this flow run have {size:,} bytes, and Prefect takes {most:,}: name fewer portfolios, "
            "or none to run all, and change long limits in the config file; or run it without a server"
        )
        raise UsageError(msg)


async def _run_on_server(flow: Flow[..., Coroutine[Any, Any, State[Any]]], config: BaseModel) -> State[Any]:
    run: Coroutine[Any, Any, State[Any]] = flow(config, return_state=True)
    state = await run
    if not state.is_completed():
        await state.aresult(raise_on_failure=True)
    return state


def _run_here(flow: Coroutine[Any, Any, State[Any]]) -> State[Any]:
    """Run the coroutine of a flow without an event loop, which would take a Ctrl-C for itself until the flow ends.

    *Requires* that nothing in it waits, since without a server there is nothing to wait for.
    """
    try:
        flow.send(None)
    except StopIteration as ended:
        state: State[Any] = ended.value
        return state
    msg = f"{flow} waits for something without a server"
    raise AssertionError(msg)


def require_server() -> None:
    """Query the configured server before the first flow does, which would end in a traceback.

    Without one, a temporary server must be able to keep its history. *Raises* `ServerUnreachableError`.
    """
    url = PREFECT_API_URL.value()
    if not url:
        _require_writable(PREFECT_HOME.value())
        return
    try:
        with httpx.Client(base_url=url, timeout=Settings().answer_seconds) as client:
            client.get("/health").raise_for_status()
            _require_password(client, url)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        msg = (
            f"the Prefect server at {url} does not answer ({error}): start it, correct PREFECT_API_URL, or unset it "
            "to run without one"
        )
        raise ServerUnreachableError(msg) from None


def _require_password(client: httpx.Client, url: str) -> None:
    """Request what is not open to everybody. *Raises* `ServerUnreachableError` for a missing or wrong password."""
    if secret := PREFECT_API_AUTH_STRING.value():
        user, _, password = secret.partition(":")
        client.auth = httpx.BasicAuth(user, password)
    if not PREFECT_API_KEY.value() and client.get("/version").status_code == httpx.codes.UNAUTHORIZED:
        msg = f"the Prefect server at {url} requires another password: set PREFECT_API_AUTH_STRING to user:password"
        raise ServerUnreachableError(msg)


@contextmanager
def _explain_no_server() -> Iterator[None]:
    """Explain in one sentence that a temporary server did not start. *Raises* `ServerUnreachableError`."""
    try:
        yield
    except RuntimeError as error:
        if "ephemeral Prefect API server" not in str(error):
            raise
        msg = f"no temporary Prefect server could be started ({error}): run it again, or start one with `ballast up`"
        raise ServerUnreachableError(msg) from error


def _require_writable(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
        cause = "" if os.access(home, os.W_OK) else "permission denied"
    except OSError as error:
        cause = error.strerror or str(error)
    if cause:
        msg = f"Prefect cannot keep its history in {home} ({cause}): name a folder that can be written in PREFECT_HOME"
        raise ServerUnreachableError(msg)
