"""`ballast` as its own process, piped, where no server is configured: none is started but for who asks for one."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from sql.files.atomic_files import locked

ROOT = Path(__file__).parents[2]
MINUTES = 180
Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def environment(tmp_path: Path, sample: Path) -> dict[str, str]:
    """Return that of an installation which knows no server."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "BALLAST"))}
    environment |= {"PREFECT_HOME": str(tmp_path / "prefect"), "DO_NOT_TRACK": "1", "BALLAST_INBOX": str(sample)}
    return environment | {"BALLAST_CONFIG": str(ROOT / "deployments" / "portfolios.yaml")}


@pytest.fixture
def command(tmp_path: Path, environment: dict[str, str]) -> Command:
    """Run Python of the installation in a folder with a space."""
    folder = tmp_path / "a folder"
    folder.mkdir()

    def run(*words: str, **more: str) -> "subprocess.CompletedProcess[str]":
        python, own = [sys.executable, *words], environment | more
        done = subprocess.run(python, cwd=folder, env=own, capture_output=True, text=True, timeout=MINUTES, check=False)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
        assert "\x1b[" not in done.stdout + done.stderr
        return done

    return run


def ask(folder: Path, query: str) -> Sequence[tuple[object, ...]]:
    with duckdb.connect(folder / "a folder" / ".ballast" / "snapshot.duckdb", read_only=True) as snapshot:
        return snapshot.sql(query).fetchall()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_day_runs_within_the_process_and_leaves_no_server_behind(tmp_path: Path, command: Command) -> None:
    done = command("-m", "flows.cli.app", "run", "--as-of", "2025-06-02", "--verbose")
    assert "2025-06-02 published" in done.stderr
    stages = [line.split("|")[2].split(":")[0].split()[0] for line in done.stderr.splitlines() if "| INFO " in line]
    assert stages == [
        *("ingest", "open", "circuit", "selection", "diversification", "sizing", "checks", "publish", "orders"),
        *("snapshot", "report"),
    ]
    assert sorted(path.name for path in (tmp_path / "a folder" / ".ballast").glob("[!.]*[!k]")) == [
        "snapshot.duckdb",
        "targets",
        "warehouse.duckdb",
        "warehouse.duckdb.id",
    ]
    assert not (tmp_path / "prefect" / "prefect.db").exists()
    assert ask(tmp_path, "SELECT flow_run_id FROM runs") == [(None,)]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_of_two_runs_of_a_large_day_at_once_one_publishes_and_one_has_nothing_to_do(
    tmp_path: Path, command: Command
) -> None:
    words = ["-m", "flows.cli.app", "run", "--as-of", "2025-06-02", "--verbose"]
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(command, *words, BALLAST_SHARD_SIZE="1") for _ in range(2)]
    said = [one.result().stderr for one in both]
    assert sorted(sum(f"2025-06-02 {state}" in one for one in said) for state in ("published", "unchanged")) == [1, 1]
    assert all("shards: 3 of 3" in one for one in said)
    states = "SELECT state, count(*)::INTEGER FROM run_events GROUP BY ALL ORDER BY ALL"
    assert ask(tmp_path, states) == [("published", 1), ("started", 2), ("unchanged", 1)]
    assert not (tmp_path / "a folder" / ".ballast" / "shards").exists()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_large_day_of_a_table_is_the_day_of_the_same_portfolios_written_out(tmp_path: Path, command: Command) -> None:
    limits = {"growth": "{preset: aggressive, max_new_positions: 8}", "income": "{max_single_position: 0.02}"}
    set_of = {f"fund_{number:02}": "growth" if number % 3 else "income" for number in range(23)}
    rows = ["portfolio_id,limit_set", *(f"{name},{own}" for name, own in set_of.items())]
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "all.csv").write_text("\n".join([*rows, ""]))
    table = ["limit_sets:", *(f"  {name}: {one}" for name, one in limits.items()), "portfolios_file: tables/all.csv"]
    (tmp_path / "table.yaml").write_text("\n".join([*table, "portfolios:", "  own:", ""]))
    written = ["portfolios:", "  own:", *(f"  {name}: {limits[own]}" for name, own in set_of.items()), ""]
    (tmp_path / "written.yaml").write_text("\n".join(written))
    words = ["-m", "flows.cli.app", "run", "--as-of", "2025-06-02", "--verbose", "--config"]
    done = command(*words, str(tmp_path / "table.yaml"), BALLAST_SHARD_SIZE="5")
    assert "2025-06-02 published" in done.stderr
    assert "shards: 5 of 5" in done.stderr
    assert "2025-06-02 unchanged" in command(*words, str(tmp_path / "written.yaml")).stderr
    assert ask(tmp_path, "SELECT count(DISTINCT portfolio_id) FROM current_targets") == [(24,)]
    assert ask(tmp_path, "SELECT count(*) FROM limit_sets") == [(3,)]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_who_waits_for_the_shards_of_another_process_leaves_it_the_warehouse(
    tmp_path: Path, command: Command, environment: dict[str, str]
) -> None:
    command("-m", "flows.cli.app", "db", "migrate")
    folder, words = tmp_path / "a folder", ["-m", "flows.cli.app", "run", "--as-of", "2025-06-02", "--verbose"]
    with locked(folder / ".ballast"):
        process = subprocess.Popen(
            [sys.executable, *words],
            cwd=folder,
            env=environment | {"BALLAST_SHARD_SIZE": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr
        assert any("waiting for another process" in line for line in process.stderr)
        with duckdb.connect(folder / ".ballast" / "warehouse.duckdb") as con:
            assert con.sql("SELECT state FROM run_events").fetchall() == [("started",)]
    assert "2025-06-02 published" in process.communicate(timeout=MINUTES)[1]
    assert process.returncode == 0


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_large_day_that_is_killed_goes_on_with_the_shards_that_are_there(
    tmp_path: Path, command: Command, environment: dict[str, str]
) -> None:
    words = ["-m", "flows.cli.app", "run", "--as-of", "2025-06-02", "--verbose"]
    in_shards = environment | {"BALLAST_SHARD_SIZE": "1"}
    with subprocess.Popen(
        [sys.executable, *words], cwd=tmp_path / "a folder", env=in_shards, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        assert any("shards: 1 of 3" in line for line in process.stderr)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    done = command(*words, BALLAST_SHARD_SIZE="1")
    [found] = re.findall(r"shards: 3, of which (\d) are there already", done.stderr)
    assert int(found) >= 1
    assert "2025-06-02 published" in done.stderr
    targets = "SELECT portfolio_id, asset, target_weight FROM current_targets ORDER BY ALL"
    in_pieces = ask(tmp_path, targets)
    shutil.rmtree(tmp_path / "a folder" / ".ballast")
    command(*words)
    assert ask(tmp_path, targets) == in_pieces


@pytest.mark.timeout(300)
@pytest.mark.slow
def test_who_asks_for_a_flow_run_gets_a_temporary_server(tmp_path: Path, command: Command) -> None:
    command("-m", "flows.cli.app", "run", "--as-of", "2025-06-02", "--prefect")
    assert (tmp_path / "prefect" / "prefect.db").exists()
    [(flow_run_id,)] = ask(tmp_path, "SELECT flow_run_id FROM runs")
    assert flow_run_id


@pytest.mark.slow
def test_a_halt_does_not_even_import_prefect(tmp_path: Path, command: Command) -> None:
    command("-m", "flows.cli.app", "db", "migrate")
    words = ["halt", "--all", "--reason", "odd"]
    code = f"import sys; from flows.cli.app import app; app({words}, result_action='return_value')"
    done = command("-c", f"{code}; print([name for name in sys.modules if name == 'prefect'])")
    assert done.stdout.splitlines()[-1] == "[]"
    assert ask(tmp_path, "SELECT count(*) FROM halts_in_force") == [(1,)]
