"""A day whose shards a Dask cluster computes: real scheduler, workers and Prefect server, as a user starts them."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import httpx
import pytest

from tests.helpers.dask_cluster import cluster
from tests.scale.conftest import MakeLake

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400), pytest.mark.server]

ROOT = Path(__file__).parents[2]
DAY = "2025-06-02"
N_PORTFOLIOS = 12
TABLES = ("decisions", "sizing_audit", "sizing_summary", "targets", "trade_summary", "constraint_checks", "lifecycle")


Ballast = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def environment(tmp_path: Path, sample: Path, server: str) -> dict[str, str]:
    """Return that of an installation with so many portfolios, each in a shard of its own."""
    text = "".join(
        f"  fund_{number:02}: {{max_single_position: 0.{number + 5:02}}}\n" for number in range(N_PORTFOLIOS)
    )
    (tmp_path / "portfolios.yaml").write_text(f"portfolios:\n{text}")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "BALLAST"))}
    kept |= {"PREFECT_HOME": str(tmp_path / "prefect"), "DO_NOT_TRACK": "1", "PREFECT_API_URL": server}
    ours = {
        "INBOX": sample,
        "CONFIG": tmp_path / "portfolios.yaml",
        "SHARD_SIZE": 1,
        "SHARD_FOLDER": tmp_path / "shards",
    }
    return kept | {f"BALLAST_{name}": str(value) for name, value in ours.items()}


@pytest.fixture
def ballast(tmp_path: Path, environment: dict[str, str]) -> Ballast:
    """Start `ballast run` with its warehouse in a folder of this name."""

    def start(folder: str, **more: str) -> "subprocess.Popen[str]":
        (tmp_path / folder).mkdir(exist_ok=True)
        words = [sys.executable, "-m", "flows.cli.app", "run", "--as-of", DAY, "--verbose"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(words, cwd=tmp_path / folder, env=environment | more, **quiet)

    return start


def rows(tmp_path: Path, folder: str, table: str) -> list[tuple[object, ...]]:
    with duckdb.connect(tmp_path / folder / ".ballast" / "snapshot.duckdb", read_only=True) as snapshot:
        return snapshot.sql(f"FROM {table} ORDER BY ALL").fetchall()


def require_published_once(tmp_path: Path, folder: str, server: str) -> None:
    """Look for one publication, and for a task of the flow run for each shard."""
    assert rows(tmp_path, folder, "(SELECT state FROM run_events)") == [("published",), ("started",)]
    [(flow_run_id,)] = rows(tmp_path, folder, "(SELECT flow_run_id FROM runs)")
    asked = {"flow_runs": {"id": {"any_": [flow_run_id]}}, "task_runs": {"name": {"like_": "shard-"}}, "limit": 200}
    names = [
        one["state_name"] for one in httpx.post(f"{server}/task_runs/filter", json=asked).raise_for_status().json()
    ]
    assert names.count("Completed") >= N_PORTFOLIOS


def require_progress(tmp_path: Path, folder: str, server: str) -> None:
    """Look for the artifact of the flow run that shows how many shards are done."""
    [(flow_run_id,)] = rows(tmp_path, folder, "(SELECT flow_run_id FROM runs)")
    asked = {"artifacts": {"flow_run_id": {"any_": [flow_run_id]}, "key": {"any_": ["shards"]}}, "sort": "CREATED_DESC"}
    shown = httpx.post(f"{server}/artifacts/filter", json=asked).raise_for_status().json()
    assert {one["type"] for one in shown} == {"progress"}
    assert max(float(one["data"]) for one in shown) == 100


def test_a_cluster_that_loses_a_worker_publishes_what_this_machine_alone_does(
    tmp_path: Path, environment: dict[str, str], ballast: Ballast, server: str
) -> None:
    with cluster(tmp_path / "cluster", environment, 2) as own:
        with ballast("cluster", BALLAST_DASK=own.address) as process:
            for line in process.stderr or ():
                if "shards: 3 of" in line:
                    own.workers[0].kill()
        assert process.returncode == 0
        assert len(own.workers) == 1
    require_published_once(tmp_path, "cluster", server)
    with ballast("alone") as process:
        process.communicate()
    assert process.returncode == 0
    for table in TABLES:
        assert rows(tmp_path, "cluster", table) == rows(tmp_path, "alone", table), table
    assert not (tmp_path / "shards").exists()


def test_a_cluster_publishes_in_a_lake_what_this_machine_does_in_a_file(
    tmp_path: Path, environment: dict[str, str], ballast: Ballast, make_lake: MakeLake
) -> None:
    lake = make_lake()
    assert lake.lake_catalog
    named = {"CATALOG": lake.lake_catalog.get_secret_value(), "SCHEMA": lake.lake_schema, "DATA": lake.lake_data}
    in_lake = {f"BALLAST_LAKE_{name}": value for name, value in named.items()} | {"BALLAST_STORE": "ducklake"}
    with cluster(tmp_path / "cluster", environment, 2) as own:
        with ballast("lake", BALLAST_DASK=own.address, **in_lake) as process:
            for line in process.stderr or ():
                if "shards: 3 of" in line:
                    own.workers[0].kill()
        assert process.returncode == 0
    with ballast("alone") as process:
        process.communicate()
    for table in TABLES:
        found = lake.open_warehouse().query_snapshot(f"FROM {table} ORDER BY ALL")
        assert found.height
        assert found.rows() == rows(tmp_path, "alone", table), table


def test_so_many_workers_on_this_machine(tmp_path: Path, ballast: Ballast, server: str) -> None:
    with ballast("own", BALLAST_DASK="2") as process:
        _, said = process.communicate()
    assert process.returncode == 0
    assert f"shards: {N_PORTFOLIOS} of {N_PORTFOLIOS}" in said
    assert "never awaited" not in said
    require_published_once(tmp_path, "own", server)
    require_progress(tmp_path, "own", server)


def test_a_scheduler_that_is_lost_is_told_and_the_run_goes_on_without_it(
    tmp_path: Path, environment: dict[str, str], ballast: Ballast
) -> None:
    with cluster(tmp_path / "cluster", environment, 2) as own:
        with ballast("lost", BALLAST_DASK=own.address) as process:
            said = []
            for line in process.stderr or ():
                said.append(line)
                if "shards: 3 of" in line:
                    own.scheduler.kill()
        assert process.returncode == 1
        assert sum(line.startswith("error: the Dask cluster") for line in said) == 1
    with ballast("lost") as process:
        _, after = process.communicate()
    assert process.returncode == 0
    [found] = re.findall(rf"shards: {N_PORTFOLIOS}, of which (\d+) are there already", after)
    assert int(found) >= 3


def test_no_scheduler_is_told_in_a_sentence(ballast: Ballast) -> None:
    with ballast("none", BALLAST_DASK="tcp://127.0.0.1:9") as process:
        _, said = process.communicate()
    assert process.returncode == 1
    assert sum(line.startswith("error: the Dask cluster") for line in said.splitlines()) == 1
