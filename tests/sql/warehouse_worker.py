"""What another process does in the tests: `warehouse_worker.py WHAT FOLDER ...`, each step told on stdout."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
from warehouse_samples import DAY, make_warehouse


def _say(word: object) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


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
    "hold": _hold,
    "leave_wal": _leave_wal,
    "snapshot": _snapshot,
    "count": _count,
    "migrate_half": _migrate_half,
}

if __name__ == "__main__":
    what, folder, *rest = sys.argv[1:]
    _STEPS[what](Path(folder), *rest)
