"""`ballast run` as its own process, piped, with no server: a temporary one, no traceback, nothing left behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MINUTES = 180


@pytest.mark.timeout(300)
@pytest.mark.slow
def test_a_day_runs_without_any_server_from_a_folder_with_a_space(tmp_path: Path, sample: Path) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "BALLAST"))}
    environment |= {"PREFECT_HOME": str(tmp_path / "prefect"), "DO_NOT_TRACK": "1"}
    environment |= {"PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120"}
    command = [sys.executable, "-m", "flows.cli", "run", "--as-of", "2025-06-02", "--inbox", str(sample)]
    command += ["--config", str(ROOT / "deployments" / "portfolios.yaml")]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=MINUTES, check=False
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert "2025-06-02 published" in done.stderr
    assert "\x1b[" not in done.stdout + done.stderr
    assert sorted(path.name for path in (folder / ".ballast").iterdir() if not path.name.endswith(".lock")) == [
        "snapshot.duckdb",
        "targets",
        "warehouse.duckdb",
    ]
