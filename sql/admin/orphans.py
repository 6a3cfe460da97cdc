"""The files of a lake that no table has: left by transactions that did not end, and by shards nobody published.

What does not belong here: merging small files, which is in merging.py; those that it leaves are removed here.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import polars as pl

from sql.admin.retention import remove
from sql.engine.statements import Connection, execute, fill, literal, read
from sql.errors import WarehouseError
from sql.files.atomic_files import locked
from sql.lake import Lake
from sql.text import counted, listed

KEPT_DAYS: Final = 7
"""For so long a file stays that no table has: somebody may go on with a run, or read what was merged."""
_SHARDS: Final = "shards"


def clean(lake: Lake, *, remove_old: bool) -> pl.DataFrame:
    """Return the files that no table has, a row each; with `remove_old`, those of which `is_old` is true are gone.

    Files that were merged go with them: after a week DuckLake forgets its snapshots of before, and a week later nobody
    reads them any more.

    The turn of the one writer is held, so no transaction is writing; shards that are being computed are not old. The
    shards of a run go together. *Raises* `WarehouseError` when a table lacks a file, or another lake has the same data
    path: nothing was removed then.
    """
    before = datetime.now(UTC) - timedelta(days=KEPT_DAYS)
    with lake.connected() as con, _are_computed(lake) as are_computed:
        orphans = _find(con, lake, before).with_columns(
            is_old=pl.col("is_old") & (pl.col("run_id").is_null() | pl.lit(not are_computed))
        )
        if remove_old:
            lake.place.catalog.require_own_data_path(lake.place.data_path)
            _remove(con, lake, orphans.filter("is_old"), before)
    return orphans


@contextmanager
def _are_computed(lake: Lake) -> Iterator[bool]:
    """Say whether shards are being computed; if not, whoever begins waits for the block."""
    folder = Path(lake.place.data_path) / _SHARDS
    if lake.place.is_in_bucket or not folder.is_dir():
        yield False
        return
    try:
        with locked(folder, fcntl.LOCK_NB):
            yield False
    except BlockingIOError:
        yield True


def _find(con: Connection, lake: Lake, before: datetime) -> pl.DataFrame:
    data = lake.place.data_path
    found = read(
        con,
        fill("find_orphans", catalog=lake.place.metadata, files=literal(f"{data}**"), skipped=str(len(data))),
    )
    missing = found.filter(pl.col("n_bytes").is_null())
    if missing.height:
        msg = (
            f"{lake.name}: {counted(missing.height, 'file')} of tables are not below {data} "
            f"({listed(missing['path'].to_list())}). Nothing was removed: correct BALLAST_LAKE_DATA, or bring them back"
        )
        raise WarehouseError(msg)
    newest = pl.col("modified_at").max().over("run_id")
    return found.with_columns(is_old=pl.when(pl.col("run_id").is_null()).then("modified_at").otherwise(newest) < before)


def _remove(con: Connection, lake: Lake, old: pl.DataFrame, before: datetime) -> None:
    orphans = old if lake.place.is_in_bucket else old.filter(pl.col("run_id").is_null())
    if orphans.height:
        execute(con, fill("schedule_orphans", catalog=lake.place.metadata))
    execute(con, "CALL ducklake_expire_snapshots(current_database(), older_than => $before)", before=before)
    execute(con, "CALL ducklake_cleanup_old_files(current_database(), older_than => $before)", before=before)
    runs = old.join(orphans, on="path", how="anti")["run_id"].unique().sort()
    remove([Path(lake.place.data_path, _SHARDS, run_id) for run_id in runs])
