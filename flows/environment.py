"""`ballast up` and `ballast down`: a server, the deployments and a worker on this machine, and their end.

The server listens on loopback only, at PREFECT_SERVER_API_PORT (4200). Its database is PostgreSQL when
PREFECT_SERVER_DATABASE_CONNECTION_URL names one, else SQLite in .prefect/. Numbers and logs are in .ballast/run/.
"""

import asyncio
import os
import shlex
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import WorkerStatus
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings
from rich.markup import escape

from flows.deploy import POOL, connected, deploy
from flows.engine import require_server
from flows.processes import Background
from flows.show import PROBLEMS, err, out, tell
from flows.unfinished import end_cut_off, no_new_runs, take_runs_again, wait_for_ends
from sizing.errors import BallastError
from tasks.settings import Settings

FOLDER = Path(".ballast/run")
_SAMPLE = "deployments/sample/inbox"

_HOST = "127.0.0.1"
_START_SECONDS = 180
_RUN_PATIENCE_SECONDS, _WORKER_PATIENCE_SECONDS, _SERVER_PATIENCE_SECONDS = 60, 60, 30
_POLL_SECONDS = 0.3


class StartError(BallastError):
    """A process of the environment does not start."""


def start() -> int:
    """Start what is not running, deploy, wait until all is well, and say where to look."""
    server, worker = Background("server", FOLDER), Background("worker", FOLDER)
    others = worker.differs_in(_settings())
    if server.pid() and worker.pid() and _answers():
        out().print(f"runs already: {_address()}\n  `make deploy` brings it to the files, `make down` ends it")
    else:
        try:
            with temporary_settings(_local()):
                _start_server(server)
                said = (*deploy(), *_start_worker(worker))
        except PROBLEMS as problem:
            return tell(problem)
        _say_ready(said)
    if others:
        msg = f"the worker runs already with other settings: {', '.join(others)}; `make down` first, then `make up`"
        return tell(StartError(msg))
    return 0


def _say_ready(said: tuple[str, ...]) -> None:
    console = out()
    console.print(f"ready: {_address()}")
    for sentence in (*said, f"database {_database()}, logs in {FOLDER}/"):
        console.print(f"  {escape(sentence)}")
    inbox, config = (
        os.environ.get(f"BALLAST_{name.upper()}", str(Settings.model_fields[name].default))
        for name in ("inbox", "config")
    )
    console.print(f"  it reads BALLAST_INBOX={_shown(inbox)}, BALLAST_CONFIG={_shown(config)}")
    console.print("Next:")
    if not Path(inbox).is_dir():
        console.print(
            f"  mkdir -p {escape(shlex.quote(inbox))}, and put the files of the day there; or try the sample:"
        )
        console.print(f"  make down && BALLAST_INBOX={_SAMPLE} make up    # its days: 2025-06-02 and after")
    console.print(f"  open {_address()}/deployments, choose daily-rebalance, Run > Custom run, give as_of_date")
    console.print("  make down    # lets runs end, a minute at most, then ends the worker and the server")


def _shown(path: str) -> str:
    return escape(path) if Path(path).exists() else f"{escape(path)} (not there yet)"


def _settings() -> dict[str, str]:
    """Give what the worker is started with."""
    return {name: value for name, value in os.environ.items() if name.startswith("BALLAST_")}


def stop() -> int:
    """End the worker, when its runs ended or after a minute, then the server."""
    worker, server = Background("worker", FOLDER), Background("server", FOLDER)
    stopped = [one.name for one, end in ((worker, _stop_worker), (server, _stop_server)) if end(one)]
    out().print(f"stopped: {', then '.join(stopped)}" if stopped else "nothing was running")
    return 0


def _stop_worker(worker: Background) -> bool:
    """Prefect's worker ends its runs when it ends, so they are waited for first."""
    if not (worker.pid() and _answers()):
        return worker.stop(_WORKER_PATIENCE_SECONDS)
    cut_off: tuple[str, ...] = ()
    # Whatever the server says to it, the worker ends.
    with suppress(httpx.HTTPError, ObjectNotFound), temporary_settings(_local()), no_new_runs(FOLDER / "paused"):
        cut_off = wait_for_ends(_RUN_PATIENCE_SECONDS, lambda sentence: err().print(escape(sentence)))
        worker.stop(_WORKER_PATIENCE_SECONDS)
    worker.stop(_WORKER_PATIENCE_SECONDS)
    if cut_off:
        out().print(
            f"cut off: {escape(', '.join(cut_off))}. Nothing is half written; the next `make up` crashes what is not "
            "ended, and a daily-rebalance that had started is then tried again by itself"
        )
    return True


def _stop_server(server: Background) -> bool:
    return server.stop(_SERVER_PATIENCE_SECONDS)


def deploy_here() -> int:
    """Deploy to the server that PREFECT_API_URL names, or to the one of `ballast up`."""
    try:
        with temporary_settings({} if PREFECT_API_URL.value() else _local()):
            require_server()
            for sentence in deploy():
                out().print(escape(sentence))
    except PROBLEMS as problem:
        return tell(problem)
    return 0


def _start_server(server: Background) -> None:
    if not server.pid():
        if _answers():
            msg = (
                f"port {_port()} is taken by another server: stop that one, or choose another port with "
                "PREFECT_SERVER_API_PORT"
            )
            raise StartError(msg)
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", _HOST, "--port", _port()]
        settings = {"PREFECT_UI_URL": _address(), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
        server.start(command, connected() | settings)
    _wait(server, _answers)


def _start_worker(worker: Background) -> tuple[str, ...]:
    """Start it where none runs, and say which runs its predecessor left behind."""
    if worker.pid():
        return ()
    take_runs_again(FOLDER / "paused")
    cut_off = asyncio.run(end_cut_off())
    since = datetime.now(UTC)
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--name", POOL, "--type", "process"]
    worker.start(command, connected(), _settings())
    _wait(worker, lambda: asyncio.run(_is_online(since)))
    if not cut_off:
        return ()
    which = f"crashed {len(cut_off)} that the worker before left unfinished: {', '.join(cut_off)}"
    return (f"{which}; a daily-rebalance that had started is tried again by itself, run the others again",)


async def _is_online(since: datetime) -> bool:
    """Say whether the worker told the server of itself since then: one that was killed counts as online for a while."""
    async with get_client() as client:
        workers = await client.read_workers_for_work_pool(POOL)
    return any(
        one.status == WorkerStatus.ONLINE and one.last_heartbeat_time and one.last_heartbeat_time >= since
        for one in workers
    )


def _wait(process: Background, is_ready: Callable[[], bool]) -> None:
    with err().status(f"waiting for the {process.name}"):
        until = time.monotonic() + _START_SECONDS
        while process.pid() and time.monotonic() < until:
            if is_ready():
                return
            time.sleep(_POLL_SECONDS)
    what = f"is not ready after {_START_SECONDS} s" if process.pid() else "ended at once"
    msg = f"the {process.name} {what}: {process.last_words() or 'it said nothing'} (all of it is in {process.log})"
    raise StartError(msg)


def _answers() -> bool:
    try:
        return httpx.get(f"{_address()}/api/health", timeout=5).is_success
    except httpx.HTTPError:
        return False


def _local() -> dict[object, object]:
    """Give the settings of a client of the server here; a server with a password is spoken to with that password."""
    secret = os.environ.get("PREFECT_API_AUTH_STRING") or os.environ.get("PREFECT_SERVER_API_AUTH_STRING")
    local: dict[object, object] = {PREFECT_API_URL: f"{_address()}/api"}
    return local | {PREFECT_API_AUTH_STRING: secret} if secret else local


def _port() -> str:
    return os.environ.get("PREFECT_SERVER_API_PORT", "4200")


def _address() -> str:
    return f"http://{_HOST}:{_port()}"


def _database() -> str:
    url = os.environ.get("PREFECT_SERVER_DATABASE_CONNECTION_URL", "")
    return "PostgreSQL" if url.startswith("postgresql") else "SQLite in .prefect/"
