import signal
import subprocess
import time
from pathlib import Path

import duckdb
import pytest

from sql.engine.scripts import read_scripts
from sql.errors import WarehouseError
from sql.warehouse import Warehouse
from tests.sql.warehouse_samples import StartWorker, make_warehouse

KILLS = 4


def _rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(path), read_only=True) as con:
        return con.sql(sql).fetchall()


def _kill_after(worker: subprocess.Popen[str], seconds: float) -> list[list[str]]:
    assert worker.stdout is not None
    first = worker.stdout.readline()
    time.sleep(seconds)
    worker.kill()
    rest, _ = worker.communicate()
    return [line.split() for line in (first + rest).splitlines()]


def test_a_commit_that_a_killed_process_acknowledged_is_recovered_and_told(
    warehouse: Warehouse, start_worker: StartWorker
) -> None:
    wal = warehouse.path.with_name(warehouse.path.name + ".wal")
    assert _kill_after(start_worker("leave_wal", warehouse.path.parent), 0) == [["committed"]]
    size = wal.stat().st_size
    assert warehouse.query("run_events", run_id="r0")["reason"].to_list() == ["acknowledged"]
    assert not wal.exists()
    assert _rows(warehouse.path, "SELECT wal_bytes FROM recoveries") == [(size,)]
    warehouse.query("current_targets")
    assert _rows(warehouse.path, "SELECT count(*) FROM recoveries") == [(1,)]


@pytest.mark.slow
def test_a_migration_that_was_killed_is_recovered_before_there_is_a_table_for_it(
    tmp_path: Path, start_worker: StartWorker
) -> None:
    made = make_warehouse(tmp_path)
    killed = start_worker("migrate_half", tmp_path)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert made.migrate() == tuple(script.version for script in read_scripts("migrations"))
    assert _rows(made.path, "SELECT * FROM recoveries") == []


def test_a_truncated_file_is_told(warehouse: Warehouse) -> None:
    content = warehouse.path.read_bytes()
    warehouse.path.write_bytes(content[:2000])
    with pytest.raises(WarehouseError, match=r"live\.duckdb"):
        warehouse.query("current_targets")
