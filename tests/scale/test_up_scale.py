"""`ballast up --scale`: PostgreSQL, S3, Dask, server and worker as real processes, a day on them, and their end."""

import os
import re
import shlex
import shutil
import signal
import socket
import ssl
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from stat import S_IMODE

import pytest

from flows.server.scale.environment import BUCKETS, SECRETS, SHELL_FILE, Ports
from flows.server.scale.local_postgres import find_binaries
from flows.server.scale.services import processes
from tests.soak.installation import Installation

pytestmark = [pytest.mark.slow, pytest.mark.server, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
DAY = "2025-06-02"
PORTFOLIOS = ("core", "income")
SERVICES = [process.name for process in processes()]


@pytest.fixture
def installation() -> Iterator[Installation]:
    """A folder that the account of PostgreSQL may enter, whose portfolios are a shard each."""
    if find_binaries() is None:
        pytest.skip("PostgreSQL is not installed: the distribution's package postgresql has it")
    folder = Path(tempfile.mkdtemp(prefix="ballast-scale-"))
    folder.chmod(0o755)
    (folder / "pyproject.toml").symlink_to(ROOT / "pyproject.toml")
    shutil.copytree(ROOT / "deployments", folder / "deployments")
    names = "".join(f"  {name}: {{}}\n" for name in PORTFOLIOS)
    (folder / "portfolios.yaml").write_text(f"portfolios:\n{names}")
    there = Installation(folder, _environment())
    try:
        yield there
    finally:
        there.ballast("down")
        shutil.rmtree(folder)


def _environment() -> dict[str, str]:
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "BALLAST"))}
    ports = _free_ports(1 + len(Ports._fields))
    return mine | {
        "PYTHONPATH": str(ROOT),
        "BALLAST_INBOX": "deployments/sample/inbox",
        "BALLAST_CONFIG": "portfolios.yaml",
        "BALLAST_SHARD_SIZE": "1",
        "BALLAST_SCALE_PORT": str(ports[1]),
        "PREFECT_SERVER_API_PORT": str(ports[0]),
        "PREFECT_WORKER_QUERY_SECONDS": "3",
    }


def _free_ports(count: int) -> range:
    """Return so many ports in a row, below those that the system hands out."""
    for first in range(21_000 + os.getpid() % 1_000 * 10, 32_000, count):
        ports = range(first, first + count)
        if all(map(_is_free, ports)):
            return ports
    pytest.fail("no ports in a row are free")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _in_shell(installation: Installation, *words: str) -> str:
    """Do a command as in a shell that has read the file."""
    lines = (installation.folder / SHELL_FILE).read_text().splitlines()
    told = dict(shlex.split(line)[0].split("=", 1) for line in lines)
    others = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "BALLAST"))}
    return Installation(installation.folder, others | {"PYTHONPATH": str(ROOT)} | told).ballast(*words)


def _tree(installation: Installation) -> dict[int, str]:
    """Return the processes of the installation and those that they started, with their command lines."""
    started = {installation.process(name).pid() for name in ("server", "worker", *SERVICES)}
    parents = {int(path.name): _parent(path) for path in Path("/proc").iterdir() if path.name.isdigit()}
    found = {pid for pid in started if pid}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return {pid: Path(f"/proc/{pid}/cmdline").read_text() for pid in found if Path(f"/proc/{pid}").exists()}


def _parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _is_alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _listening(pids: dict[int, str]) -> set[str]:
    """Return the addresses that the processes listen on, as /proc has them."""
    sockets = {
        str(file.readlink())
        for pid in pids
        for file in Path(f"/proc/{pid}/fd").iterdir()
        if file.is_symlink() and str(file.readlink()).startswith("socket:")
    }
    lines = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()]
    return {words[1].split(":")[0] for words in lines if words[3] == "0A" and f"socket:[{words[9]}]" in sockets}


def _answers_strangers(port: int) -> bool:
    """Report whether what speaks TLS there does so with somebody who has no certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            context.wrap_socket(plain) as encrypted,
        ):
            return bool(encrypted.recv(1))
    except ssl.SSLError:
        return False


def _run_day(installation: Installation) -> str:
    """Run the day by the API of the server, and return the state that it ends in."""
    run_id = installation.schedule("daily-rebalance", datetime.now(UTC), {"as_of_date": DAY})
    return installation.wait_for(run_id, "Published", "Unchanged", "Completed", "Failed", "Crashed", "Held")


def _require_hidden(installation: Installation) -> None:
    """Look for every secret where others could read it."""
    told = (installation.folder / SECRETS, installation.folder / SHELL_FILE)
    assert {S_IMODE(file.stat().st_mode) for file in told} == {0o600}
    secrets = set(re.findall(r'"([\w-]{30,})"', (installation.folder / SECRETS).read_text()))
    assert len(secrets) == 5
    texts = list(_tree(installation).values())
    texts += [log.read_text(errors="replace") for log in (installation.folder / ".ballast" / "run").glob("*.log")]
    assert [name for name in secrets for text in texts if name in text] == []


def test_a_day_runs_on_lake_and_cluster_and_is_there_when_all_was_stopped(installation: Installation) -> None:
    printed = installation.ballast("up", "--scale")
    assert f". {SHELL_FILE};" in printed
    tree = _tree(installation)
    assert {installation.process(name).pid() for name in ("server", "worker", *SERVICES)} <= set(tree)
    assert _listening(tree) == {"0100007F"}  # 127.0.0.1
    first = int(installation.environment["BALLAST_SCALE_PORT"])
    assert not _answers_strangers(Ports.beginning_at(first).dask)

    assert _run_day(installation) == "Published"
    names = [one["name"] for one in installation.ask("POST", "/task_runs/filter", limit=200)]
    assert sum(name.startswith("shard-") for name in names) == len(PORTFOLIOS)
    targets = _in_shell(installation, "targets", "--csv")
    assert {line.split(",")[0] for line in targets.splitlines()[1:]} == set(PORTFOLIOS)
    assert list((installation.folder / BUCKETS).rglob("*.parquet"))
    assert not (installation.folder / ".ballast" / "warehouse.duckdb").exists()
    _require_hidden(installation)

    assert "runs already" in installation.ballast("up", "--scale")
    assert "runs already" in _in_shell(installation, "up", "--scale")
    everything = _tree(installation)
    stopped = installation.ballast("down")
    assert stopped == "stopped: worker, then dask-workers, then dask-scheduler, then server, then s3, then postgresql\n"
    installation.wait(lambda: not any(map(_is_alive, everything)), "every process has ended")
    assert installation.ballast("down") == "nothing was running\n"

    installation.ballast("up", "--scale")
    assert _run_day(installation) == "Unchanged"
    assert _in_shell(installation, "targets", "--csv") == targets


def test_what_was_killed_is_started_again_and_a_start_that_fails_ends_what_it_started(
    installation: Installation,
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(installation.environment["BALLAST_SCALE_PORT"]) + 1))
        other.listen()
        assert installation.ballast("up", "--scale", expected=1) == ""
    assert _tree(installation) == {}

    refused = installation.environment | {"BALLAST_START_SECONDS": "0.1"}
    Installation(installation.folder, refused).ballast("up", "--scale", expected=1)
    assert _tree(installation) == {}

    installation.ballast("up", "--scale")
    kept = installation.process("server").pid(), installation.process("worker").pid()
    for name in SERVICES:
        pid = installation.process(name).pid()
        assert pid
        os.kill(pid, signal.SIGKILL)
        installation.wait(lambda name=name: installation.process(name).pid() is None, f"{name} is gone")
    installation.ballast("up", "--scale")
    assert (installation.process("server").pid(), installation.process("worker").pid()) == kept
    assert all(installation.process(name).pid() for name in SERVICES)
    assert _run_day(installation) == "Published"
