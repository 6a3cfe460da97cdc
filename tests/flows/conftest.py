"""Tests of flows look at tables, files and the terminal: drawing pictures and the engine would take half their time."""

import pytest

from tasks.config.settings import Settings
from tests.helpers.command_line import Ballast, typed


@pytest.fixture(scope="module", autouse=True)
def _look_at_no_charts(no_charts: None) -> None:
    """Leave the page of pictures empty, also for what a module shares."""


@pytest.fixture(autouse=True)
def _engine_only_where_it_is_the_point(request: pytest.FixtureRequest) -> None:
    """Run flows as plain functions, except in a test that asks for the server."""
    if "server" not in request.fixturenames:
        request.getfixturevalue("shown")


@pytest.fixture
def ballast(settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ballast:
    """Run a command of this installation; gives its exit code, output and errors."""
    for name in ("config", "inbox", "warehouse", "snapshot", "export_folder"):
        monkeypatch.setenv(f"BALLAST_{name.upper()}", str(getattr(settings, name)))
    monkeypatch.setenv("COLUMNS", "200")
    return typed(capsys)
