"""How a command runs a flow: the server is asked first, progress is shown, a failure is raised as what it is."""

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from prefect.client.schemas.objects import State
from prefect.settings import PREFECT_API_URL
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from flows.progress import watched_by
from tasks.errors import ServerUnreachableError

_HEALTH_SECONDS = 10


def run_watched(console: Console, start: Callable[[], Awaitable[State[Any]]]) -> State[Any]:
    """Run a long flow with a progress bar, and give its state. *Raises* what made it fail."""
    require_server()
    with progress_bar(console) as progress:
        bar = progress.add_task("starting Prefect", total=None)
        with watched_by(
            lambda done, total, words: progress.update(bar, completed=done, total=total, description=words)
        ):
            return asyncio.run(_completed(start))


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
    """Ask the server that is configured, if any, before the first flow does, which would end in a traceback.

    *Raises* `ServerUnreachableError`.
    """
    url = PREFECT_API_URL.value()
    if url is None:
        return
    try:
        httpx.get(f"{url.rstrip('/')}/health", timeout=_HEALTH_SECONDS).raise_for_status()
    except httpx.HTTPError as error:
        msg = (
            f"the Prefect server at {url} does not answer ({error}): start it, correct PREFECT_API_URL, or unset it "
            "to run with a temporary server"
        )
        raise ServerUnreachableError(msg) from None


def os_user() -> str:
    """Give the name of who runs the command, for the records; empty where the system knows none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
