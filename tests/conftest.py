"""What tests of the whole way share: the shipped sample, the real data where it is, and a real Prefect server."""

import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path

import httpx
import pytest
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_API_URL, temporary_settings

from sql.warehouse import Warehouse
from tasks.config.settings import Settings
from tests.helpers.installation import installed_in, publish_days
from tests.helpers.postgres_server import PostgresServer, find_binaries, running_postgres
from tests.helpers.prefect_home import put_empty_prefect
from tests.helpers.without_engine import Shown, without_engine

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "deployments" / "sample" / "inbox"
SAMPLE_DAYS = [date(2025, 6, day) for day in (2, 3, 4, 5, 6)]
REAL_DATA = ROOT.parent / "shared" / "data" / "us_large_cap"

IDLE_SERVICES = (
    *("CANCELLATION_CLEANUP", "CLEANUP_RECONCILER", "FOREMAN", "LATE_RUNS", "PAUSE_EXPIRATIONS", "REPOSSESSOR"),
    "TRIGGERS",
)
"""What a server does for deployments and automations; tests/e2e/test_worker.py has a server of its own."""

LONG_FILES = (
    *("test_warehouse_crash", "test_daily_rebalance", "test_selection_of_a_day", "test_command_line"),
    *("test_life_of_a_day", "test_backfill", "test_stopped", "test_without_a_server", "test_real_data"),
    *("test_real_selection", "test_ui", "test_readme", "test_copies", "test_following"),
)

_SERVER_START_SECONDS = 120


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch of tests/flows/test_golden_output.py."""
    parser.addoption("--update-golden", action="store_true", help="write tests/golden/output again")


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest: one of them at the end would leave a core idle.

    A file stays on one worker, and so does what needs the Prefect server: one server is enough. What needs a server is
    slow: `make test-all` runs it.
    """
    places = {stem: place for place, stem in enumerate(LONG_FILES)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if item.get_closest_marker("server") or fixtures & {"server", "postgres"}:
            item.add_marker(pytest.mark.slow)
        needs_server = "server" in fixtures
        item.add_marker(pytest.mark.xdist_group("server" if needs_server else str(item.path)))


@pytest.fixture(scope="session", autouse=True)
def _no_copy() -> Iterator[None]:
    """Never write to the PostgreSQL of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("BALLAST_POSTGRES_URL", raising=False)
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_tls_context() -> Iterator[None]:
    """Read the certificates once: Prefect does so for each task, 20 ms a time, and then talks to loopback."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", cache(ssl.create_default_context))
        yield


@pytest.fixture(scope="session")
def empty_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a warehouse with its migrations and nothing in it."""
    folder = tmp_path_factory.mktemp("empty")
    warehouse = Warehouse(folder / "warehouse.duckdb", folder / "snapshot.duckdb", folder / "targets")
    warehouse.migrate()
    return warehouse.path


@pytest.fixture(scope="session")
def sample() -> Path:
    return SAMPLE


@pytest.fixture(scope="session")
def real_inbox() -> Path:
    if not REAL_DATA.is_dir():
        pytest.skip(f"the real data is not at {REAL_DATA.relative_to(ROOT.parent)}: it is no part of the project")
    return REAL_DATA / "inbox"


@pytest.fixture(autouse=True)
def _width_of_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker of xdist says COLUMNS=80, which a person who pipes a table does not."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def settings(tmp_path: Path, sample: Path, empty_warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation of its own: sample inbox, sample portfolios, an empty folder for what is made.

    Its warehouse starts as a copy of the empty one, and is not migrated again: that takes longer than most steps.
    """
    migrate = Warehouse.migrate
    copied: set[Path] = set()

    def copy_or_migrate(warehouse: Warehouse) -> tuple[str, ...]:
        if warehouse.path == tmp_path / "warehouse.duckdb" and not warehouse.path.exists():
            copied.add(Path(shutil.copy(empty_warehouse, warehouse.path)))
        return () if warehouse.path in copied else migrate(warehouse)

    monkeypatch.setattr(Warehouse, "migrate", copy_or_migrate)
    return installed_in(tmp_path, sample)


@pytest.fixture(scope="session")
def sample_week(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The sample's week with its snapshot, without an engine: to look at, not to change."""
    settings = installed_in(tmp_path_factory.mktemp("week"), SAMPLE)
    publish_days(settings, SAMPLE_DAYS)
    warehouse = settings.open_warehouse()
    warehouse.export(SAMPLE_DAYS)
    warehouse.snapshot()
    return settings


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL on loopback, empty at first."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed: the distribution's package postgresql has it")
    with running_postgres(binaries) as started:
        yield started


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API address of a real Prefect server with a database of its own, on loopback."""
    home = tmp_path_factory.mktemp("prefect")
    put_empty_prefect(home)
    port = _free_port()
    # Given as a flag, the port would be unknown to the pages that the server gives out.
    environment = os.environ | {"PREFECT_HOME": str(home), "DO_NOT_TRACK": "1", "PREFECT_SERVER_API_PORT": str(port)}
    environment |= {f"PREFECT_SERVER_SERVICES_{service}_ENABLED": "false" for service in IDLE_SERVICES}
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1"]
    with (home / "server.log").open("w") as log:
        process = subprocess.Popen(command, cwd=home, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}/api"
    try:
        _wait_until_healthy(url, process, home / "server.log")
        yield url
        _drain(url)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _SERVER_START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"{url}/health", timeout=2).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    pytest.fail(f"the Prefect server did not become healthy: {log.read_text()[-2000:]}")


def _drain(url: str) -> None:
    """Send what Prefect still holds back: without its server, the process would try for a minute before it ends."""
    with temporary_settings({PREFECT_API_URL: url}):
        APILogWorker.instance().drain()
        EventsWorker.drain_all()


@pytest.fixture
def connected(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Point Prefect in this process at the session's server."""
    monkeypatch.setenv("PREFECT_API_URL", server)
    with temporary_settings({PREFECT_API_URL: server}):
        yield server


@pytest.fixture
def shown() -> Iterator[Shown]:
    """Run flows without Prefect's engine, and give what they show in its UI."""
    with without_engine() as kept:
        yield kept


@pytest.fixture(scope="module")
def no_pictures() -> Iterator[None]:
    """Leave the page of pictures empty; tests/e2e/test_ui.py has them drawn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.reports.chart_page.chart_page", lambda *_: "# Not drawn in these tests")
        yield
