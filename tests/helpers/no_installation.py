"""A guard: no test works on the installation of whoever runs the tests."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tasks.config.env_file import ENV_FILE, PREFIX, variable
from tasks.config.settings import Settings

NO_WAREHOUSE = "this test names no warehouse"
"""A file in the place of a folder: where the warehouse of a test is that sets none."""


@contextmanager
def without_installation(folder: Path) -> Iterator[None]:
    """Forget the settings of the user, here and in started processes; a warehouse that no test names cannot be opened.

    A test of the default, `.ballast/warehouse.duckdb`, deletes BALLAST_WAREHOUSE in a working folder of its own.
    """
    no_folder = folder / NO_WAREHOUSE
    no_folder.touch()
    with pytest.MonkeyPatch.context() as environment:
        for name in Settings.model_fields:
            environment.delenv(variable(name), raising=False)
        environment.setenv(variable("warehouse"), str(no_folder / "warehouse.duckdb"))
        yield


def require_no_env_file() -> None:
    """Look at the working folder. *Raises* `UsageError` where its `.env` has settings: every test there reads it."""
    if ENV_FILE.exists() and re.search(
        rf"^\s*(export\s+)?{PREFIX}", ENV_FILE.read_text(), re.IGNORECASE | re.MULTILINE
    ):
        msg = f"{ENV_FILE.absolute()} has settings of an installation: move it away while the tests run"
        raise pytest.UsageError(msg)
