"""`ballast up` and `ballast down`: a server, the deployments and a worker on this machine, and their end.

The server listens on loopback only, at PREFECT_SERVER_API_PORT (4200), and requires a password. Its database is
PostgreSQL when PREFECT_SERVER_DATABASE_CONNECTION_URL names one, else SQLite in .prefect/. Numbers, logs and the
password are in .ballast/run/.
"""

import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import WorkerStatus
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings
from rich.markup import escape

from flows.server.background_process import Background
from flows.server.connection import (
    FOLDER,
    HOST,
    address,
    answers,
    client_settings,
    database,
    ensure_password,
    server_environment,
    server_explained,
)
from flows.server.deploy import POOL, connected, deploy
from flows.server.flow_runner import require_server
from flows.server.orphaned_runs import end_cut_off, no_new_runs, take_runs_again, wait_for_ends
from flows.server.readiness import StartError, require_port, require_ready
from flows.terminal.console import err, out
from flows.terminal.password import FILE, server_port
from tasks.config.settings import Settings

_POLL_SECONDS = 0.3


def start() -> None:
    """Start what is not running, deploy, wait until all is well, and print the address."""
    server, worker = Background("server", FOLDER), Background("worker", FOLDER)
    others = worker.differs_in(_settings())
    settings = Settings()
    if server.pid() and worker.pid() and answers(settings):
        out().print(f"runs already: {address()}\n  `ballast deploy` applies the files, `ballast down` stops it")
    else:
        with server_explained():
            _start(server, worker, settings)
    if others:
        msg = (
            f"the worker runs already with other settings: {', '.join(others)}; `ballast down` first, then `ballast up`"
        )
        raise StartError(msg)


def _start(server: Background, worker: Background, settings: Settings) -> None:
    """Start both; when one does not start, end what was started here, and remove what was made for it."""
    require_ready(settings, FOLDER, PREFECT_HOME.value())
    if not server.pid():
        require_port(HOST, server_port())
    with ExitStack() as undo:
        secret, is_new = ensure_password(undo)
        with temporary_settings(client_settings(secret)):
            undo.callback(_end_again, server, settings, was_running=server.pid() is not None)
            _start_server(server, settings)
            notes = deploy()
            undo.callback(_end_again, worker, settings, was_running=worker.pid() is not None)
            notes += _start_worker(worker, settings)
        undo.pop_all()
    _print_ready(notes, settings, secret if is_new else None)


def _end_again(process: Background, settings: Settings, *, was_running: bool) -> None:
    if not was_running:
        process.stop(settings.stop_seconds)


def _print_ready(notes: tuple[str, ...], settings: Settings, new_password: str | None) -> None:
    console = out()
    console.print(f"ready: {address()}")
    if new_password:
        console.print(f"  password {escape(new_password)}, all of it: the UI requires it; it is stored in {FILE}")
    for sentence in (*notes, f"database {database()}, logs in {FOLDER}/"):
        console.print(f"  {escape(sentence)}")
    console.print(
        f"  it reads BALLAST_INBOX={escape(str(settings.inbox))}, BALLAST_CONFIG={escape(str(settings.config))}"
    )
    console.print("Next:")
    console.print(f"  open {address()}/deployments, choose daily-rebalance, Run > Custom run, set as_of_date")
    console.print("  ballast down    # lets runs end, then ends the worker and the server")


def _settings() -> dict[str, str]:
    """Return what the worker is started with."""
    return {name: value for name, value in os.environ.items() if name.startswith("BALLAST_")}


def stop() -> None:
    """End the worker, when its runs ended or after a while, then the server."""
    worker, server = Background("worker", FOLDER), Background("server", FOLDER)
    settings = Settings()
    stopped = [worker.name] if _stop_worker(worker, settings) else []
    stopped += [server.name] if server.stop(settings.stop_seconds) else []
    out().print(f"stopped: {', then '.join(stopped)}" if stopped else "nothing was running")


def _stop_worker(worker: Background, settings: Settings) -> bool:
    """Prefect's worker ends its runs when it ends, so they are waited for first."""
    patience = settings.stop_seconds
    if not (worker.pid() and answers(settings)):
        return worker.stop(patience)
    cut_off: tuple[str, ...] = ()
    # Whatever the server responds, the worker ends.
    with (
        suppress(httpx.HTTPError, ObjectNotFound),
        temporary_settings(client_settings()),
        no_new_runs(FOLDER / "paused"),
    ):
        cut_off = wait_for_ends(patience, lambda sentence: err().print(escape(sentence)))
        worker.stop(patience)
    worker.stop(patience)
    if cut_off:
        out().print(
            f"cut off: {escape(', '.join(cut_off))}. Nothing is half written; the next `ballast up` crashes "
            "what is not ended, and a daily-rebalance that had started is then tried again by itself"
        )
    return True


def deploy_here() -> None:
    """Deploy to the server that PREFECT_API_URL names, or to the one of `ballast up`."""
    with temporary_settings({} if PREFECT_API_URL.value() else client_settings()), server_explained():
        require_server()
        for sentence in deploy():
            out().print(escape(sentence))


def _start_server(server: Background, settings: Settings) -> None:
    if not server.pid():
        server.start([sys.executable, "-m", "flows.server.prefect_server"], server_environment())
    _wait(server, settings, lambda: answers(settings))


def _start_worker(worker: Background, settings: Settings) -> tuple[str, ...]:
    """Start it where none runs, and return which runs its predecessor left behind."""
    if worker.pid():
        return ()
    take_runs_again(FOLDER / "paused")
    cut_off = end_cut_off()
    since = datetime.now(UTC)
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--name", POOL, "--type", "process"]
    worker.start(command, connected(), _settings())
    _wait(worker, settings, lambda: _is_online(since))
    if not cut_off:
        return ()
    which = f"crashed {len(cut_off)} that the worker before left unfinished: {', '.join(cut_off)}"
    return (f"{which}; a daily-rebalance that had started is tried again by itself, run the others again",)


def _is_online(since: datetime) -> bool:
    """Report whether the worker sent a heartbeat since then: one that was killed counts as online for a while."""
    with get_client(sync_client=True) as client:
        workers = client.read_workers_for_work_pool(POOL)
    return any(
        one.status == WorkerStatus.ONLINE and one.last_heartbeat_time and one.last_heartbeat_time >= since
        for one in workers
    )


def _wait(process: Background, settings: Settings, is_ready: Callable[[], bool]) -> None:
    with err().status(f"waiting for the {process.name}"):
        until = time.monotonic() + settings.start_seconds
        while process.pid() and time.monotonic() < until:
            if is_ready():
                return
            time.sleep(_POLL_SECONDS)
    late = f"is not ready after {settings.start_seconds:g} s (BALLAST_START_SECONDS)"
    what = late if process.pid() else "ended at once"
    msg = f"the {process.name} {what}: {process.last_words() or 'it notes nothing'} (all of it is in {process.log})"
    raise StartError(msg)
