"""A run that is stopped from outside says so, leaves whole days, and goes on when it is asked again."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.config.settings import Settings

DAYS = ["--from", "2025-06-02", "--to", "2025-06-03"]
SECONDS = 120


@pytest.mark.slow
@pytest.mark.server
def test_a_range_that_is_stopped_twice_is_whole_and_goes_on(settings: Settings, server: str, tmp_path: Path) -> None:
    _stop_twice(settings, server, tmp_path)


@pytest.mark.slow
def test_so_it_is_without_a_server(settings: Settings, tmp_path: Path) -> None:
    _stop_twice(settings, "", tmp_path)


def _stop_twice(settings: Settings, server: str, tmp_path: Path) -> None:
    environment = os.environ | {"PREFECT_API_URL": server, "DO_NOT_TRACK": "1", "PREFECT_HOME": str(tmp_path / "home")}
    given = {name: value for name, value in settings.model_dump().items() if value is not None}
    environment |= {f"BALLAST_{name.upper()}": str(value) for name, value in given.items()}
    command = [sys.executable, "-m", "flows.cli.app", "run", *DAYS]

    def start_and_stop(stop: signal.Signals) -> str:
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
        assert process.stderr
        first = process.stderr.readline()
        process.send_signal(stop)
        _, rest = process.communicate(timeout=SECONDS)
        assert "stopped: what is published is whole" in rest
        assert "Traceback" not in rest
        assert process.returncode == 130
        return first

    assert start_and_stop(signal.SIGINT).startswith("2025-06-02 published")
    assert start_and_stop(signal.SIGTERM).startswith("2025-06-02 unchanged")
    again = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=SECONDS, check=False)
    assert again.returncode == 0
    states = settings.open_warehouse().query_snapshot("SELECT state FROM latest_runs")["state"].to_list()
    assert states == ["published"] * 2
