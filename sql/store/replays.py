"""What a run published, read back, and the result of computing it again.

*Requires* an open connection and a transaction around every function, which operations.py opens.
"""

import re
from datetime import UTC, datetime

import polars as pl

from sql.engine.scripts import read_scripts
from sql.engine.statements import Connection, check_frames, command, insert, query, read
from sql.engine.table_contracts import RUN_TABLES
from sql.store.runs import find_run

_ADDED = re.compile(r"ALTER TABLE (\w+) ADD COLUMN (\w+)")


def read_rows(con: Connection, run_id: str) -> dict[str, pl.DataFrame]:
    """Return the stored rows of a run, one frame a table, without run_id. *Raises* `WarehouseError`: no such run.

    A column that a migration added after the run, and that it filled nowhere, is left out: the run did not compute it.
    """
    added = _added_since(con, find_run(con, run_id)["created_at"])
    rows = {
        table: read(con, f"SELECT * EXCLUDE (run_id) FROM {table} WHERE run_id = $run_id", run_id=run_id)  # noqa: S608 - our own tables
        for table in RUN_TABLES
    }
    return {
        table: frame.drop(name for name in frame.columns if (table, name) in added and frame[name].is_null().all())
        for table, frame in rows.items()
    }


def _added_since(con: Connection, moment: datetime) -> frozenset[tuple[str, str]]:
    """Return the columns, each with its table, that migrations added after a moment."""
    later = {row["version"] for row in query(con, "applied_migrations").rows(named=True) if row["applied_at"] > moment}
    texts = (script.sql for script in read_scripts("migrations") if script.version in later)
    return frozenset(column for text in texts for column in _ADDED.findall(text))


def record(con: Connection, run_id: str, by: str, code_fingerprint: str, differences: pl.DataFrame) -> int:
    """Record a replay with its differences, and return its replay_id."""
    find_run(con, run_id)
    check_frames(con, {"replay_differences": differences}, without="replay_id")
    replay = {"run_id": run_id, "by": by, "code_fingerprint": code_fingerprint, "n_differences": differences.height}
    replay_id: int = command(con, "record_replay", **replay, replayed_at=datetime.now(UTC))
    if differences.height:
        insert(con, "replay_differences", differences.with_columns(replay_id=pl.lit(replay_id)))
    return replay_id
