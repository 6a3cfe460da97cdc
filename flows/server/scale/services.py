"""Start and end the services of `ballast up --scale`: PostgreSQL and S3 before the server, Dask before the worker.

What does not belong here: the Prefect server and its worker, see flows/server/local.py.
"""

import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from flows.server.background_process import Background
from flows.server.connection import FOLDER, HOST, client_environment
from flows.server.readiness import StartError, require_port
from flows.server.scale import local_dask, local_postgres, local_s3
from flows.server.scale.environment import (
    BUCKET,
    BUCKETS,
    CERTIFICATE,
    DATA,
    POSTGRES,
    PREFECT,
    SECRETS,
    SHELL_FILE,
    Ports,
    ScaleEnvironment,
)
from flows.server.scale.kept_secrets import ensure_secrets
from flows.server.waiting import wait_until_ready
from sql.files.atomic_files import make_folder
from tasks.config.settings import Settings

_OF_THE_EXTRA = ("prefect_dask", "duckdb_extension_ducklake", "duckdb_extension_postgres_scanner")
_PORT_SETTING = "BALLAST_SCALE_PORT"


def processes() -> tuple[Background, ...]:
    """Return them in the order of their start, whether they run or not."""
    return (
        Background("postgresql", FOLDER, local_postgres.account(), signal.SIGINT),
        Background("s3", FOLDER),
        Background("dask-scheduler", FOLDER),
        Background("dask-workers", FOLDER),
    )


@dataclass(frozen=True)
class Services:
    """What is found out before anything is started: programs, ports, secrets."""

    settings: Settings
    environment: ScaleEnvironment
    binaries: Path
    rclone: Path

    def start_storage(self, undo: ExitStack) -> None:
        """Start PostgreSQL, with its databases, and S3, with its bucket, where they do not run."""
        process, s3, *_ = processes()
        secrets, ports = self.environment.secrets, self.environment.ports
        if not POSTGRES.exists():
            local_postgres.create_data(self.binaries, POSTGRES, secrets.owner)
        command = local_postgres.server_command(self.binaries, POSTGRES, ports.postgresql)
        self._start(process, command, {}, undo, self._postgresql_answers)
        passwords = {PREFECT: secrets.prefect, BUCKET: secrets.lake}
        local_postgres.ensure_databases(self.environment.owner_address, passwords)

        make_folder(BUCKETS / BUCKET)
        address = self.environment.s3_address
        command = local_s3.server_command(self.rclone, BUCKETS, address)
        is_ready = partial(local_s3.answers, address, self.settings.answer_seconds)
        self._start(s3, command, local_s3.key_of_server(secrets.s3_key, secrets.s3_secret), undo, is_ready)

    def start_compute(self, undo: ExitStack) -> None:
        """Start the scheduler and the workers, where they do not run; workers of an earlier scheduler begin anew."""
        *_, scheduler, workers = processes()
        ports = self.environment.ports
        if not scheduler.pid():
            workers.stop(self.settings.stop_seconds)
            local_dask.create_certificate(CERTIFICATE)
        members = local_dask.member_environment(CERTIFICATE, "scheduler", "worker", "client")
        given = client_environment() | members | local_dask.routes_environment() | {"POLARS_MAX_THREADS": "1"}
        command = local_dask.scheduler_command(ports.dask, ports.dask_page)
        self._start(scheduler, command, given, undo, lambda: self._count_workers() is not None)
        command, given = local_dask.workers_command(ports.dask, DATA / "dask"), given | self.environment.of_bucket()
        self._start(workers, command, given, undo, lambda: (self._count_workers() or 0) >= local_dask.N_WORKERS)

    def _start(
        self,
        process: Background,
        command: Sequence[str],
        environment: Mapping[str, str],
        undo: ExitStack,
        is_ready: Callable[[], bool],
    ) -> None:
        noted = {"command": shlex.join(command)}
        if process.differs_in(noted):
            msg = f"the {process.name} runs already in another way, or at another port: `ballast down` first"
            raise StartError(msg)
        if not process.pid():
            undo.callback(process.stop, self.settings.stop_seconds)
            process.start(command, environment, noted)
        wait_until_ready(process, self.settings.start_seconds, is_ready)

    def _postgresql_answers(self) -> bool:
        asked = [str(self.binaries / "pg_isready"), "--quiet", f"--host={HOST}"]
        asked += [f"--port={self.environment.ports.postgresql}"]
        return subprocess.run(asked, check=False, env={}).returncode == 0  # noqa: S603 - of the distribution

    def _count_workers(self) -> int | None:
        return local_dask.count_workers(self.environment.ports.dask_page, self.settings.answer_seconds)

    def describe(self) -> Iterator[str]:
        """Say where everything is."""
        ports, s3 = self.environment.ports, self.environment.s3_address
        yield f"lake: catalog in PostgreSQL at {HOST}:{ports.postgresql}, files in the bucket {BUCKET} at {s3}"
        yield f"{local_dask.N_WORKERS} Dask workers at {local_dask.scheduler_address(ports.dask)}"
        yield f"data in {DATA}/, they stay after `ballast down`"


def find_services(settings: Settings) -> Services:
    """Find out what is needed. *Raises* `StartError` for what is missing, before anything is made."""
    rclone = local_s3.find_rclone()
    if rclone is None or not all(map(find_spec, _OF_THE_EXTRA)):
        msg = (
            f"`ballast up --scale` needs what {sys.executable} has not: the extra `scale` and a server of S3. "
            "`make up-scale` installs both, and so does `.ci/setup scale`"
        )
        raise StartError(msg)
    binaries = local_postgres.require_binaries(POSTGRES)
    ports = Ports.beginning_at(settings.scale_port)
    _require_ports(ports)
    make_folder(DATA)
    environment = ScaleEnvironment(ports, ensure_secrets(SECRETS, POSTGRES))
    environment.require_no_other()
    return Services(settings, environment, binaries, rclone)


def _require_ports(ports: Ports) -> None:
    """Look whether each port is free, or ours. *Raises* `StartError`."""
    postgresql, s3, scheduler, _ = processes()
    owned = ((postgresql, ports.postgresql), (s3, ports.s3), (scheduler, ports.dask), (scheduler, ports.dask_page))
    for process, port in owned:
        if not process.pid():
            require_port(HOST, str(port), _PORT_SETTING)


def stop_compute(seconds: float) -> list[str]:
    """End the workers, then the scheduler, and return which of them ran."""
    return _stop(processes()[:1:-1], seconds)


def stop_storage(seconds: float) -> list[str]:
    """End S3, then PostgreSQL, and return which of them ran."""
    SHELL_FILE.unlink(missing_ok=True)
    return _stop(processes()[1::-1], seconds)


def _stop(ending: Sequence[Background], seconds: float) -> list[str]:
    return [process.name for process in ending if process.stop(seconds)]
