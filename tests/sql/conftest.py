"""A migrated warehouse in a folder of its own: migrated once, copied for every test."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sql.warehouse import Warehouse
from tests.sql.warehouse_samples import StartWorker, make_warehouse


@pytest.fixture(scope="session")
def make_migrated(empty_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Warehouse]:
    """Make as many migrated warehouses as a property test has examples."""

    def make() -> Warehouse:
        made = make_warehouse(tmp_path_factory.mktemp("warehouse"))
        shutil.copy(empty_warehouse, made.path)
        return made

    return make


@pytest.fixture
def start_worker() -> StartWorker:
    """Start another process that does a step of warehouse_worker.py in a folder."""

    def start(what: str, folder: Path, *rest: str) -> subprocess.Popen[str]:
        worker = str(Path(__file__).with_name("warehouse_worker.py"))
        command = [sys.executable, worker, what, str(folder), *rest]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    return start


@pytest.fixture
def warehouse(make_migrated: Callable[[], Warehouse]) -> Warehouse:
    return make_migrated()
