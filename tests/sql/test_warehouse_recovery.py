import random
import signal
import subprocess
import time
from pathlib import Path

import duckdb
import pytest
from warehouse_samples import DAY, StartWorker, make_warehouse, publish

from sql.errors import WarehouseError
from sql.scripts import read_scripts
from sql.warehouse import Warehouse

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


def test_a_migration_that_was_killed_is_recovered_before_there_is_a_table_for_it(
    tmp_path: Path, start_worker: StartWorker
) -> None:
    made = make_warehouse(tmp_path)
    killed = start_worker("migrate_half", tmp_path)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert made.migrate() == tuple(script.version for script in read_scripts("migrations"))
    assert _rows(made.path, "SELECT * FROM recoveries") == []


def test_nothing_acknowledged_is_lost_and_nothing_is_half_there_after_kills(
    warehouse: Warehouse, start_worker: StartWorker
) -> None:
    moments = random.Random(7)
    done: list[list[str]] = []
    for _ in range(KILLS):
        done += _kill_after(start_worker("write", warehouse.path.parent), moments.uniform(0, 0.6))
        warehouse.migrate()
    ingests = {run_id for (run_id,) in _rows(warehouse.path, "SELECT sha256 FROM ingests")}
    published = {
        run_id for (run_id,) in _rows(warehouse.path, "SELECT run_id FROM run_events WHERE state = 'published'")
    }
    assert {run_id for what, run_id in done if what == "ingest"} <= ingests
    assert {run_id for what, run_id in done if what == "run"} <= published
    assert len(done) >= KILLS
    whole = "SELECT DISTINCT count(*) FROM targets GROUP BY run_id"
    assert _rows(warehouse.path, whole) in ([(4,)], [])
    stray = "SELECT * FROM targets ANTI JOIN (FROM run_events WHERE state = 'published') USING (run_id)"
    assert _rows(warehouse.path, stray) == []
    counted = "SELECT count(*), count(*) FILTER (rows_accepted = 1 AND rows_rejected = 1) FROM ingests"
    n_ingests = len(ingests)
    assert _rows(warehouse.path, counted) == [(n_ingests, n_ingests)]
    assert _rows(warehouse.path, "SELECT count(DISTINCT ingest_id), count(*) FROM scores") == [(n_ingests, n_ingests)]
    assert _rows(warehouse.path, "SELECT count(DISTINCT ingest_id), count(*) FROM rejects") == [(n_ingests, n_ingests)]
    publish(warehouse, "after")
    snapshot = warehouse.snapshot(DAY)
    assert _rows(snapshot.path, "SELECT count(*) FROM current_targets") == [(4,)]


def test_a_truncated_file_is_told(warehouse: Warehouse) -> None:
    content = warehouse.path.read_bytes()
    warehouse.path.write_bytes(content[:2000])
    with pytest.raises(WarehouseError, match=r"live\.duckdb"):
        warehouse.query("current_targets")
