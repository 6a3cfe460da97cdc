"""What a run published, read back, and what computing it again gave.

*Requires* an open connection and a transaction around every function, which operations.py opens.
"""

from datetime import UTC, datetime

import polars as pl

from sql.engine.statements import Connection, check_frames, command, insert, read
from sql.engine.table_contracts import RUN_TABLES
from sql.store.runs import find_run


def read_rows(con: Connection, run_id: str) -> dict[str, pl.DataFrame]:
    """Return the stored rows of a run, one frame a table, without run_id. *Raises* `WarehouseError`: no such run."""
    find_run(con, run_id)
    return {
        table: read(con, f"SELECT * EXCLUDE (run_id) FROM {table} WHERE run_id = $run_id", run_id=run_id)  # noqa: S608 - our own tables
        for table in RUN_TABLES
    }


def record(con: Connection, run_id: str, by: str, code_fingerprint: str, differences: pl.DataFrame) -> int:
    """Record a replay with its differences, and return its replay_id."""
    find_run(con, run_id)
    check_frames(con, {"replay_differences": differences}, without="replay_id")
    replay = {"run_id": run_id, "by": by, "code_fingerprint": code_fingerprint, "n_differences": differences.height}
    replay_id: int = command(con, "record_replay", **replay, replayed_at=datetime.now(UTC))
    if differences.height:
        insert(con, "replay_differences", differences.with_columns(replay_id=pl.lit(replay_id)))
    return replay_id
