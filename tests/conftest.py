"""What tests of the whole way share: the shipped sample, the real data where it is, and a real Prefect server."""

import fcntl
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import hypothesis
import pytest
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.server.scale.local_postgres import find_binaries
from sql.warehouse import Warehouse
from tasks.config.settings import Settings
from tests.helpers.copied_warehouse import migrated_by_copy
from tests.helpers.examples import examples
from tests.helpers.installation import installed_in, publish_days
from tests.helpers.no_installation import require_no_env_file, without_installation
from tests.helpers.postgres_server import PostgresServer, running_postgres
from tests.helpers.prefect_server import running_server
from tests.helpers.without_engine import Shown, without_engine

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "deployments" / "sample" / "inbox"
SAMPLE_DAYS = [date(2025, 6, day) for day in (2, 3, 4, 5, 6)]
REAL_DATA = ROOT.parent / "shared" / "data" / "us_large_cap"

SIZED_ONCE = ("test_sizing_guarantees", "test_sizing_audit")
"""They look at the same random portfolios."""

LONG_FILES = (
    *("test_warehouse_crash", "test_daily_rebalance", "test_selection_of_a_day", "test_command_line"),
    *("test_life_of_a_day", "test_backfill", "test_stopped", "test_without_a_server", "test_real_data"),
    *("test_real_selection", "test_ui", "test_readme", "test_copies", "test_following"),
    *("test_ingest", "test_warehouse_checks", "test_maintenance", "test_approvals", "test_what_if"),
)

hypothesis.settings.register_profile("here", max_examples=examples(hypothesis.settings.default.max_examples))
hypothesis.settings.load_profile("here")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch of tests/flows/test_golden_output.py."""
    parser.addoption("--update-golden", action="store_true", help="write tests/golden/output again")


def pytest_configure() -> None:
    """Refuse to run where tests would read settings of an installation."""
    require_no_env_file()


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
        if "properties" in item.path.parts or getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.drawn)
        item.add_marker(pytest.mark.xdist_group(_group_of(item, fixtures)))


def _group_of(item: pytest.Item, fixtures: set[str]) -> str:
    if "server" in fixtures:
        return "server"
    return "random portfolios" if item.path.stem in SIZED_ONCE else str(item.path)


@pytest.fixture(scope="session", autouse=True)
def _without_installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Never work on the warehouse of whoever runs the tests, and never write to their PostgreSQL."""
    with without_installation(tmp_path_factory.mktemp("guard")):
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_tls_context() -> Iterator[None]:
    """Read the certificates once: Prefect does so for each task, 20 ms a time, and then talks to loopback."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", cache(ssl.create_default_context))
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_thread_of_duckdb() -> Iterator[None]:
    """Let DuckDB work as Polars does here: two workers share two cores, and rows are few. Other processes have more."""
    connect = duckdb.connect

    def connect_with_one(*args: Any, config: dict[str, Any] | None = None, **options: Any) -> object:  # noqa: ANN401
        return connect(*args, config={"threads": 1} | (config or {}), **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duckdb, "connect", connect_with_one)
        yield


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the workers of this run share: what is made there with `made_once` is made by one of them."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@contextmanager
def made_once(folder: Path) -> Iterator[bool]:
    """Return whether what belongs in the folder is still to be made; other workers wait meanwhile."""
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / "done"
        yield not done.exists()
        done.touch()


@pytest.fixture(scope="session")
def empty_warehouse(shared_folder: Path) -> Path:
    """Make a warehouse with its migrations and nothing in it."""
    folder = shared_folder / "empty"
    warehouse = Warehouse(folder / "warehouse.duckdb", folder / "snapshot.duckdb", folder / "targets")
    with made_once(folder) as is_missing:
        if is_missing:
            warehouse.migrate()
    return warehouse.path


@pytest.fixture(scope="module", autouse=True)
def _new_warehouses_are_copies(request: pytest.FixtureRequest) -> Iterator[None]:
    """Copy what is migrated already, except in tests of the warehouse itself."""
    if {"sql", "sizing", "properties"} & set(request.path.relative_to(ROOT).parts):
        yield
        return
    with migrated_by_copy(request.getfixturevalue("empty_warehouse")):
        yield


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
def settings(tmp_path: Path, sample: Path) -> Settings:
    """An installation of its own: sample inbox, sample portfolios, an empty folder for what is made."""
    return installed_in(tmp_path, sample)


@pytest.fixture(scope="session")
def sample_week(shared_folder: Path, empty_warehouse: Path) -> Settings:
    """The sample's week with its snapshot, without an engine: to look at, not to change."""
    settings = installed_in(shared_folder / "week", SAMPLE)
    with made_once(settings.warehouse.parent) as is_missing, migrated_by_copy(empty_warehouse):
        if is_missing:
            _publish_week(settings)
    return settings


def _publish_week(settings: Settings) -> None:
    publish_days(settings, SAMPLE_DAYS)
    warehouse = settings.open_warehouse()
    warehouse.export(SAMPLE_DAYS)
    warehouse.snapshot()


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
    with running_server(tmp_path_factory.mktemp("prefect")) as url:
        yield url
        _drain(url)


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
def no_charts() -> Iterator[None]:
    """Leave the page of charts empty; tests/e2e/test_ui.py has them drawn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.reports.chart_page.chart_page", lambda *_: "# Not drawn in these tests")
        yield
