"""A Dask scheduler and its workers on this machine: they speak TLS, and to nobody without their certificate.

Dask has no password, and runs what it is sent: without a certificate, every account of the machine could run commands
as this user.
"""

import json
import sys
from pathlib import Path

import httpx

from flows.terminal.password import write_secret

N_WORKERS = 2
_HOST = "127.0.0.1"
_TLS = "DASK_DISTRIBUTED__COMM__TLS__"


def create_certificate(path: Path) -> None:
    """Write a new key with its certificate, which the members of the cluster know each other by."""
    from distributed.security import Security  # noqa: PLC0415 - of the extra

    made = Security.temporary()
    write_secret(path, f"{made.tls_client_key}{made.tls_client_cert}")


def member_environment(certificate: Path, *members: str) -> dict[str, str]:
    """Return what a member of the cluster reads: a client, a worker, the scheduler, or several of them."""
    file = str(certificate.absolute())
    names = [f"{_TLS}{member.upper()}__{what}" for member in members for what in ("CERT", "KEY")]
    return {"DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "True", f"{_TLS}CA_FILE": file} | dict.fromkeys(names, file)


def routes_environment() -> dict[str, str]:
    """Return what leaves of the pages of a cluster, which ask nobody who they are, only counts."""
    return {
        "DASK_DISTRIBUTED__SCHEDULER__HTTP__ROUTES": json.dumps(["distributed.http.scheduler.json"]),
        "DASK_DISTRIBUTED__WORKER__HTTP__ROUTES": "[]",
    }


def scheduler_address(port: int) -> str:
    """Return where workers and clients find the scheduler."""
    return f"tls://{_HOST}:{port}"


def scheduler_command(port: int, page_port: int) -> list[str]:
    """Return the command of the scheduler; without a dashboard, its counts are all that its page has."""
    words = ["--protocol", "tls", "--host", _HOST, "--port", str(port)]
    return [*_dask("scheduler"), *words, "--no-dashboard", "--dashboard-address", f"{_HOST}:{page_port}"]


def workers_command(port: int, folder: Path) -> list[str]:
    """Return the command of the workers; what they write for themselves is in the folder."""
    words = ["--protocol", "tls", "--host", _HOST, "--nworkers", str(N_WORKERS), "--nthreads", "1"]
    words += ["--no-dashboard", "--dashboard-address", f"{_HOST}:0", "--local-directory", str(folder.absolute())]
    return [*_dask("worker"), scheduler_address(port), *words]


def _dask(role: str) -> list[str]:
    return [sys.executable, "-m", "dask", role]


def count_workers(page_port: int, seconds: float) -> int | None:
    """Return how many workers the scheduler has; None when it does not answer."""
    try:
        answer = httpx.get(f"http://{_HOST}:{page_port}/json/counts.json", timeout=seconds)
        return int(answer.raise_for_status().json()["workers"])
    except (httpx.HTTPError, ValueError, KeyError):
        return None
