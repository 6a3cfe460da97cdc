"""How a command runs a flow: the server is asked first, progress is shown, a failure is raised as what it is."""

import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
from prefect.client.schemas.objects import State
from prefect.context import SyncClientContext
from prefect.settings import PREFECT_API_URL, PREFECT_HOME
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from flows.progress import watched_by
from tasks.errors import ServerUnreachableError

Result = TypeVar("Result")

_HEALTH_SECONDS = 10


def run_watched(console: Console, start: Callable[[], Awaitable[State[Any]]]) -> State[Any]:
    """Run a long flow with a progress bar, and give its state. *Raises* what made it fail."""
    with progress_bar(console) as progress:
        bar = progress.add_task("starting Prefect", total=None)
        with watched_by(
            lambda done, total, words: progress.update(bar, completed=done, total=total, description=words)
        ):
            return run_flows(lambda: _completed(start))


def run_flows(start: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """Run flows, and give what they gave. *Raises* `ServerUnreachableError`, and what `start` raises."""
    require_server()
    # One client for all tasks: each would make its own, and read every certificate of the system for it.
    with _telling_of_no_server(), SyncClientContext.get_or_create():
        return asyncio.run(start())


async def _completed(start: Callable[[], Awaitable[State[Any]]]) -> State[Any]:
    state = await start()
    await raise_failure(state)
    return state


async def raise_failure(state: State[Any]) -> None:
    """Raise what made the flow fail, if it did."""
    if not state.is_completed():
        await state.aresult(raise_on_failure=True)


def progress_bar(console: Console) -> Progress:
    """Give the bar of a command; piped, nothing of it is shown."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def require_server() -> None:
    """Ask the server that is configured before the first flow does, which would end in a traceback.

    Without one, a temporary server must be able to keep its history. *Raises* `ServerUnreachableError`.
    """
    url = PREFECT_API_URL.value()
    if url is None:
        _require_writable(PREFECT_HOME.value())
        return
    try:
        httpx.get(f"{url.rstrip('/')}/health", timeout=_HEALTH_SECONDS).raise_for_status()
    except httpx.HTTPError as error:
        msg = (
            f"the Prefect server at {url} does not answer ({error}): start it, correct PREFECT_API_URL, or unset it "
            "to run with a temporary server"
        )
        raise ServerUnreachableError(msg) from None


@contextmanager
def _telling_of_no_server() -> Iterator[None]:
    """Say in one sentence that a temporary server did not start. *Raises* `ServerUnreachableError`."""
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


def os_user() -> str:
    """Give the name of who runs the command, for the records; empty where the system knows none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
