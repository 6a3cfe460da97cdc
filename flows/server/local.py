"""`ballast up` and `ballast down`: a server, the deployments and a worker on this machine, and their end.

The server listens on loopback only, at PREFECT_SERVER_API_PORT (4200), and requires a password. Its database is
PostgreSQL when PREFECT_SERVER_DATABASE_CONNECTION_URL names one, else SQLite in .prefect/. Numbers, logs and the
password are in .ballast/run/. What is started beside them for a lake and a cluster is in flows/server/scale.
"""

import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
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
from flows.server.scale.environment import SHELL_FILE
from flows.server.scale.services import Services, find_services, processes, stop_compute, stop_storage
from flows.server.waiting import wait_until_ready
from flows.terminal.console import err, out
from flows.terminal.password import FILE, server_port
from tasks.config.settings import Settings

_SERVER, _WORKER = Background("server", FOLDER), Background("worker", FOLDER)


@dataclass(frozen=True)
class _Environment:
    """What is started together: server and worker, and with the extra `scale` its services before them."""

    settings: Settings
    services: Services | None

    @property
    def of_server(self) -> dict[str, str]:
        """What the server is started with, beside what every process is."""
        return self.services.environment.of_server() if self.services else {}

    @property
    def of_worker(self) -> dict[str, str]:
        """What the worker is started with, beside the environment of whoever starts it."""
        return self.services.environment.of_worker() if self.services else {}

    def runs(self) -> bool:
        """Report whether all of it runs."""
        needed = (_SERVER, _WORKER, *(processes() if self.services else ()))
        return all(process.pid() for process in needed) and answers(self.settings)

    def require_same(self) -> None:
        """Compare how worker and server were started with what is wanted now. *Raises* `StartError`."""
        what = ""
        if others := _WORKER.differs_in(_settings(self.of_worker)):
            what = f"the worker runs already with other settings: {', '.join(others)}"
        elif _SERVER.differs_in(self.of_server):
            what = "the server runs already with another database"
        if what:
            msg = f"{what}; `ballast down` first, then `ballast up`"
            raise StartError(msg)


def start(*, with_scale: bool) -> None:
    """Start what is not running, deploy, wait until all is well, and print the address."""
    settings = Settings()
    if with_scale:
        _require_ready(settings)
    wanted = _Environment(settings, find_services(settings) if with_scale else None)
    if with_scale:
        wanted.require_same()
    if wanted.runs():
        out().print(f"runs already: {address()}\n  `ballast deploy` applies the files, `ballast down` stops it")
    else:
        with server_explained():
            _start(wanted)
    wanted.require_same()


def _require_ready(settings: Settings) -> None:
    require_ready(settings, FOLDER, PREFECT_HOME.value())
    if not _SERVER.pid():
        require_port(HOST, server_port(), "PREFECT_SERVER_API_PORT")


def _start(wanted: _Environment) -> None:
    """Start all; when one does not start, end what was started here, and remove what was made for it."""
    settings, services = wanted.settings, wanted.services
    _require_ready(settings)
    with ExitStack() as undo:
        secret, is_new = ensure_password(undo)
        with temporary_settings(client_settings(secret)):
            if services:
                services.start_storage(undo)
            undo.callback(_end_again, _SERVER, settings, was_running=_SERVER.pid() is not None)
            _start_server(wanted)
            notes = deploy()
            if services:
                services.start_compute(undo)
            undo.callback(_end_again, _WORKER, settings, was_running=_WORKER.pid() is not None)
            notes += _start_worker(wanted)
        undo.pop_all()
    _print_ready(notes, wanted, secret if is_new else None)


def _end_again(process: Background, settings: Settings, *, was_running: bool) -> None:
    if not was_running:
        process.stop(settings.stop_seconds)


def _print_ready(notes: tuple[str, ...], wanted: _Environment, new_password: str | None) -> None:
    console, settings = out(), wanted.settings
    console.print(f"ready: {address()}")
    if new_password:
        console.print(f"  password {escape(new_password)}, all of it: the UI requires it; it is stored in {FILE}")
    kept = database(*wanted.of_server.values())
    for sentence in (*notes, f"database {kept}, logs in {FOLDER}/"):
        console.print(f"  {escape(sentence)}")
    console.print(
        f"  it reads BALLAST_INBOX={escape(str(settings.inbox))}, BALLAST_CONFIG={escape(str(settings.config))}"
    )
    for sentence in wanted.services.describe() if wanted.services else ():
        console.print(f"  {escape(sentence)}")
    console.print("Next:")
    console.print(f"  open {address()}/deployments, choose daily-rebalance, Run > Custom run, set as_of_date")
    if wanted.services:
        wanted.services.environment.write_shell_file(_settings({}))
        console.print(f"  set -a; . {SHELL_FILE}; set +a    # then status, targets, explain, sql, run work on the lake")
    console.print("  ballast down    # lets runs end, then ends all that it started")


def _settings(given: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that the worker is started with: those of the environment, and what it is given beside."""
    return {name: value for name, value in (os.environ | given).items() if name.startswith("BALLAST_")}


def stop() -> None:
    """End the worker, when its runs ended or after a while, then what it works on: the server, and the services."""
    settings = Settings()
    stopped = [_WORKER.name] if _stop_worker(settings) else []
    stopped += stop_compute(settings.stop_seconds)
    stopped += [_SERVER.name] if _SERVER.stop(settings.stop_seconds) else []
    stopped += stop_storage(settings.stop_seconds)
    out().print(f"stopped: {', then '.join(stopped)}" if stopped else "nothing was running")


def _stop_worker(settings: Settings) -> bool:
    """Prefect's worker ends its runs when it ends, so they are waited for first."""
    patience = settings.stop_seconds
    if not (_WORKER.pid() and answers(settings)):
        return _WORKER.stop(patience)
    cut_off: tuple[str, ...] = ()
    # Whatever the server responds, the worker ends.
    with (
        suppress(httpx.HTTPError, ObjectNotFound),
        temporary_settings(client_settings()),
        no_new_runs(FOLDER / "paused"),
    ):
        cut_off = wait_for_ends(patience, lambda sentence: err().print(escape(sentence)))
        _WORKER.stop(patience)
    _WORKER.stop(patience)
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


def _start_server(wanted: _Environment) -> None:
    settings, given = wanted.settings, wanted.of_server
    if not _SERVER.pid():
        command = [sys.executable, "-m", "flows.server.prefect_server"]
        _SERVER.start(command, server_environment() | given, given)
    wait_until_ready(_SERVER, settings.start_seconds, lambda: answers(settings))


def _start_worker(wanted: _Environment) -> tuple[str, ...]:
    """Start it where none runs, and return which runs its predecessor left behind."""
    given = wanted.of_worker
    if _WORKER.pid():
        return ()
    take_runs_again(FOLDER / "paused")
    cut_off = end_cut_off()
    since = datetime.now(UTC)
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--name", POOL, "--type", "process"]
    _WORKER.start(command, connected() | given, _settings(given))
    wait_until_ready(_WORKER, wanted.settings.start_seconds, lambda: _is_online(since))
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
