"""The guard of tests/conftest.py: a test that names no warehouse fails, and does not work on the one of the user."""

import subprocess
import sys
from pathlib import Path

import pytest

from sql.errors import WarehouseError
from tasks.config.env_file import variable
from tasks.config.settings import Settings
from tests.helpers.no_installation import NO_WAREHOUSE, require_no_env_file, without_installation

PATHS = ("warehouse", "snapshot", "export_folder", "backup_folder", "config", "inbox")


@pytest.fixture(autouse=True, scope="module")
def _new_warehouses_are_copies() -> None:
    """Here a warehouse is made as the product makes it."""


@pytest.fixture
def of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment that names every path of an installation."""
    folder = tmp_path / "of the user"
    for name in PATHS:
        monkeypatch.setenv(variable(name), str(folder / name))
    monkeypatch.setenv("BALLAST_POSTGRES_URL", "postgresql://user@127.0.0.1/own")
    return folder


def test_a_test_that_names_no_warehouse_fails_by_that_name() -> None:
    with pytest.raises(WarehouseError, match=NO_WAREHOUSE):
        Settings().open_warehouse().migrate()


def test_no_setting_of_the_user_reaches_a_test(of_the_user: Path, tmp_path: Path) -> None:
    assert Settings().snapshot == of_the_user / "snapshot"
    with without_installation(tmp_path):
        settings = Settings()
    assert settings.postgres_url is None
    assert not [name for name in PATHS if str(of_the_user) in str(getattr(settings, name))]
    assert {settings.warehouse.parent, settings.snapshot.parent, settings.export_folder.parent} == {
        tmp_path / NO_WAREHOUSE
    }


def test_nor_a_process_that_a_test_starts(of_the_user: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "flows.cli.app", "halt", "--all", "--reason", "a test"]
    with without_installation(tmp_path):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert NO_WAREHOUSE in done.stderr
    assert not of_the_user.exists()


def test_settings_in_the_working_folder_stop_the_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    require_no_env_file()
    Path(".env").write_text("OTHER=1\n")
    require_no_env_file()
    Path(".env").write_text("OTHER=1\nexport BALLAST_SNAPSHOT=s.duckdb\n")
    with pytest.raises(pytest.UsageError):
        require_no_env_file()
