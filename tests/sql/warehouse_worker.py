"""What another process does in the tests: `warehouse_worker.py WHAT FOLDER ...`, each step told on stdout."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
from warehouse_samples import DAY, ingest, make_frames, make_rejects, make_run, make_scores, make_source, make_warehouse


def _say(word: object) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def _publish(folder: Path, run_id: str) -> None:
    """Wait for a line on stdin, so that all workers start together, then publish."""
    warehouse = make_warehouse(folder, lock_timeout_seconds=30)
    frames, run = make_frames(), make_run(run_id)
    _say("ready")
    sys.stdin.readline()
    warehouse.start_run(run, "worker")
    _say("published" if warehouse.publish(run_id, frames, "worker").is_new else "unchanged")


def _hold(folder: Path, seconds: str) -> None:
    """Hold DuckDB's own lock, as a person with the command line does."""
    with duckdb.connect(str(make_warehouse(folder).path)):
        _say("holding")
        time.sleep(float(seconds))


def _leave_wal(folder: Path) -> None:
    """Commit, then wait to be killed before the log is checkpointed."""
    con = duckdb.connect(str(make_warehouse(folder).path))
    con.execute("INSERT INTO run_events VALUES (1, 'r0', 'started', now(), 'test', 'acknowledged')").fetchall()
    _say("committed")
    time.sleep(60)


def _write(folder: Path) -> None:
    """Ingest, publish and snapshot without end, telling what is done."""
    warehouse = make_warehouse(folder)
    while True:
        run_id = f"r{time.time_ns()}"
        ingest(warehouse, make_source(run_id), make_scores(AAA=0.5), make_rejects(2))
        _say(f"ingest {run_id}")
        warehouse.start_run(make_run(run_id), "worker")
        warehouse.publish(run_id, make_frames(), "worker")
        _say(f"run {run_id}")
        warehouse.snapshot(DAY)
        _say(f"snapshot {run_id}")


def _snapshot(folder: Path) -> None:
    make_warehouse(folder).snapshot(DAY)


def _count(snapshot: Path) -> None:
    with duckdb.connect(str(snapshot), read_only=True) as con:
        _say(con.sql("SELECT count(*) FROM current_targets").fetchall()[0][0])


def _migrate_half(folder: Path) -> None:
    con = duckdb.connect(str(make_warehouse(folder).path))
    con.execute("CREATE TABLE half (x INTEGER); DROP TABLE half").fetchall()
    os.kill(os.getpid(), signal.SIGKILL)


_STEPS: dict[str, Callable[..., None]] = {
    "publish": _publish,
    "hold": _hold,
    "leave_wal": _leave_wal,
    "write": _write,
    "snapshot": _snapshot,
    "count": _count,
    "migrate_half": _migrate_half,
}

if __name__ == "__main__":
    what, folder, *rest = sys.argv[1:]
    _STEPS[what](Path(folder), *rest)
