"""Report the status of the warehouse, verify it, back it up, restore a backup."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeAlias

import polars as pl

from sql.admin.restore import replace_by
from sql.admin.retention import new_backup_path, require_new
from sql.admin.verification import ALL_APPLIED, SAME_EXPORTS, SAME_SNAPSHOT, Verification
from sql.any_warehouse import AnyWarehouse
from sql.engine.connections import copied, find_owner
from sql.engine.opening import SNAPSHOT_ADVICE, pending_migrations
from sql.engine.owners import warehouse_id
from sql.engine.scripts import Script, read_scripts
from sql.engine.statements import Connection, fill, query, read, tables
from sql.errors import Failure, WarehouseError
from sql.files.atomic_files import count_wal_bytes
from sql.records import ExportChanges
from sql.store import run_batches, runs
from sql.store.exports import find_unlike, match_exports
from sql.text import counted, listed
from sql.warehouse import Warehouse

ReportProgress: TypeAlias = Callable[[str, int, int], None]
"""Reports what is verified, how many steps are done, and of how many."""
_Step: TypeAlias = tuple[str, Callable[[], Iterable[Failure]]]

_FIRST_ROWS = 5
_PORTFOLIOS_AT_ONCE = 50_000
"""Portfolios of runs that are checked together, each as often as it has a run."""
_BACKUP_ADVICE = "nothing was changed: give another backup"


@dataclass(frozen=True)
class Status:
    """How the warehouse is. Sizes in bytes, times in UTC; None: it never happened, or there is none.

    `snapshot_path` is None of a lake, whose readers need no copy. `is_snapshot_own` is False for the snapshot of
    another warehouse. `is_snapshot_current` says whether readers see what happened last: the newest event of a run, the
    newest ingest.
    """

    name: str
    size_bytes: int
    code_version: str
    pending: tuple[str, ...]
    migrations: pl.DataFrame
    rows: pl.DataFrame
    last_publication: Mapping[str, object] | None
    n_recoveries: int
    last_recovered_at: datetime | None
    wal_bytes: int = 0
    snapshot_path: Path | None = None
    snapshot_at: datetime | None = None
    is_snapshot_own: bool = True
    is_snapshot_current: bool = True


class Restored(NamedTuple):
    """Where the file that was replaced is kept, None when there was none; the changes of exports, and where they are.

    `exports_kept` has those that were replaced or removed.
    """

    kept: Path | None
    exports: ExportChanges
    exports_kept: Path


def read_status(warehouse: AnyWarehouse) -> Status:
    """Return the state of the warehouse. *Raises* `WarehouseError` when it cannot be opened, or is not of this code."""
    wal_bytes = count_wal_bytes(warehouse.path) if isinstance(warehouse, Warehouse) else 0
    with warehouse.connected() as con:
        migrations = query(con, "applied_migrations")
        pending = pending_migrations(con)
        last, newest = _last_publication(con), query(con, "newest_records").row(0)
        recoveries = query(con, "recovery_summary").row(0, named=True)
        rows = pl.DataFrame(list(_count(con).items()), {"table_name": pl.String, "n_rows": pl.Int64}, orient="row")
        size_bytes = warehouse.count_bytes(con)
        is_own = not isinstance(warehouse, Warehouse) or find_owner(con, warehouse.snapshot_path) in {
            None,
            warehouse_id(con),
        }
    status = Status(
        name=warehouse.name,
        size_bytes=size_bytes,
        wal_bytes=wal_bytes,
        code_version=read_scripts("migrations")[-1].version,
        pending=tuple(script.name for script in pending),
        migrations=migrations.select("version", "name", "applied_at"),
        rows=rows,
        last_publication=last,
        **recoveries,
    )
    return _with_snapshot(status, warehouse, newest, is_own=is_own) if isinstance(warehouse, Warehouse) else status


def _with_snapshot(status: Status, warehouse: Warehouse, newest: tuple[object, ...], *, is_own: bool) -> Status:
    path = warehouse.snapshot_path
    return replace(
        status,
        snapshot_path=path,
        snapshot_at=datetime.fromtimestamp(path.stat().st_mtime, UTC) if path.exists() else None,
        is_snapshot_own=is_own,
        is_snapshot_current=path.exists() and is_own and _newest_in_snapshot(warehouse) == newest,
    )


def verify(warehouse: AnyWarehouse, report: ReportProgress, *, has_copies: bool = True) -> Verification:
    """Read every value of every table and run every check; with copies, compare snapshot and exports.

    *Raises* `WarehouseError` when it cannot be opened at all; what is wrong inside is in the failures.
    """
    with warehouse.connected() as con:
        if pending := _pending(con):
            words = f"{', '.join(pending)}: migrate the warehouse with `ballast db migrate`, then verify it"
            return Verification(1, ((ALL_APPLIED, len(pending), words),))
        seen = query(con, "what_readers_see")
        comparisons = _comparisons(con, warehouse, seen)
        steps = (*_scans(con), *_integrity_checks(con), *_run_checks(con), *(comparisons if has_copies else ()))
        return Verification(
            len(steps),
            tuple(_take(steps, report, partial(warehouse.translated_errors, con))),
        )


def _comparisons(con: Connection, warehouse: AnyWarehouse, seen: pl.DataFrame) -> tuple[_Step, ...]:
    exports = (SAME_EXPORTS, partial(_compare_exports, con, warehouse.exports))
    if not isinstance(warehouse, Warehouse):
        return (exports,)
    return ((SAME_SNAPSHOT, partial(_compare_snapshot, con, warehouse, seen)), exports)


def backup(warehouse: Warehouse, path: Path | None) -> Path:
    """Write a consistent copy, synced and opened again before it gets its name. Default: beside it, in backups/.

    *Raises* `WarehouseError` when there is a file of that name, or the copy is not what it should be.
    """
    path = path or new_backup_path(warehouse.path, None)
    require_new(path)
    with warehouse.connected() as con, copied(con, warehouse.path, path) as copy:
        expected = _count(con)
        with warehouse.reading(copy, "it was thrown away: back up again") as backed_up:
            got = _count(backed_up)
        if got != expected:
            msg = f"the copy for {path} has rows {got}, expected {expected}. It was thrown away: back up again"
            raise WarehouseError(msg)
    return path


def verify_backup(warehouse: Warehouse, path: Path, report: ReportProgress) -> Verification:
    """Verify a backup as `verify` does the live file; one from before a migration, only that it is readable.

    No run waits meanwhile. *Raises* `WarehouseError` when it cannot be opened, or rotted.
    """
    _require_backup(path)
    with warehouse.reading(path, _BACKUP_ADVICE) as con:
        steps = (*_scans(con), *(() if _pending(con) else (*_integrity_checks(con), *_run_checks(con))))
        return Verification(len(steps), tuple(_take(steps, report, nullcontext)))


def restore(warehouse: Warehouse, path: Path, report: ReportProgress) -> Restored:
    """Replace the warehouse by a migrated copy of the backup, and renew its snapshot and exports.

    The backup is verified first. What is halted stays halted, see `replace_by`. *Raises*
    `WarehouseError` when the backup is not sound; then nothing was changed.
    """
    verification = verify_backup(warehouse, path, report)
    if verification.failures:
        msg = f"backup {path} is not sound, {verification.words}. {_BACKUP_ADVICE.capitalize()}"
        raise WarehouseError(msg)
    kept = replace_by(warehouse, path)
    exports_kept = kept.with_name(f"{kept.name}.targets") if kept else _aside(warehouse.path)
    # Before the snapshot, which writes the export of the newest day without a look at what was there.
    with warehouse.connected() as con:
        exports = match_exports(con, warehouse.export_folder, exports_kept)
        warehouse.renew_copies(con, query(con, "newest_visible_day")["as_of_date"][0])
    return Restored(kept, exports, exports_kept)


def renew_exports(warehouse: AnyWarehouse) -> tuple[ExportChanges, Path]:
    """Write exports until they match the visible targets; return the changes, and the folder of those replaced."""
    aside = _aside(warehouse.path if isinstance(warehouse, Warehouse) else warehouse.exports)
    with warehouse.connected() as con:
        warehouse.require_own_copies(con, None)
        return match_exports(con, warehouse.exports, aside), aside


def _aside(path: Path) -> Path:
    return path.with_name(f"{path.name}.replaced-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.targets")


def _require_backup(path: Path) -> None:
    if path.is_dir():
        msg = f"{path} is a folder: give the file of the backup in it"
        raise WarehouseError(msg)
    if not path.is_file():
        msg = f"no backup at {path}: correct the path"
        raise WarehouseError(msg)
    if count_wal_bytes(path):
        msg = f"backup {path} has a write-ahead log beside it: give a whole one, like `ballast db backup` writes"
        raise WarehouseError(msg)


def _pending(con: Connection) -> tuple[str, ...]:
    """Name the migrations still to apply. *Raises* `MigrationError` when the file and the code do not fit."""
    names = tables(con)
    if "schema_migrations" not in names:
        msg = f"this is no warehouse: it has {counted(len(names), 'table')} and no schema_migrations. {_BACKUP_ADVICE}"
        raise WarehouseError(msg)
    return tuple(script.name for script in pending_migrations(con))


def _take(
    steps: tuple[_Step, ...], report: ReportProgress, words: Callable[[], AbstractContextManager[None]]
) -> Iterator[Failure]:
    for done, (name, step) in enumerate(steps):
        report(name, done, len(steps))
        try:
            with words():
                yield from step()
        except WarehouseError as error:
            yield name, 1, str(error)
    report("done", len(steps), len(steps))


def _scans(con: Connection) -> tuple[_Step, ...]:
    return tuple((f"table {table} is readable", partial(_scan, con, table)) for table in tables(con))


def _scan(con: Connection, table: str) -> tuple[Failure, ...]:
    read(con, fill("scan_table", table=table))
    return ()


def _integrity_checks(con: Connection) -> tuple[_Step, ...]:
    return tuple(
        (script.name, partial(_check, con, script.name, script.sql)) for script in read_scripts("checks/integrity")
    )


def _check(con: Connection, name: str, sql: str) -> tuple[Failure, ...]:
    failing = read(con, sql)["detail"]
    return ((name, failing.len(), "; ".join(failing.head(_FIRST_ROWS))),) if failing.len() else ()


def _run_checks(con: Connection) -> tuple[_Step, ...]:
    """Check every run that has rows by the checks that existed when they were written, and all orders."""
    applied_at = dict(query(con, "applied_migrations").select("version", "applied_at").rows())
    checks = [(applied_at[check.since], check) for check in read_scripts("checks/publication")]
    return tuple(
        (
            f"run {run_ids[0]}" if len(run_ids) == 1 else f"runs {run_ids[0]} to {run_ids[-1]}",
            partial(_check_runs, con, run_ids, tuple(check for at, check in checks if at <= written_at)),
        )
        for written_at, run_ids in _batches(query(con, "written_runs"), [at for at, _ in checks])
    )


def _batches(written: pl.DataFrame, applied_at: Sequence[datetime]) -> Iterator[tuple[datetime, list[str]]]:
    """Yield runs that have the same checks, not too many portfolios together, and when they were written."""
    n_checks = pl.sum_horizontal(pl.lit(0), *(pl.col("written_at") >= at for at in applied_at))
    place = (pl.col("n_portfolios").cum_sum() - 1) // _PORTFOLIOS_AT_ONCE
    for rows in written.with_columns(n_checks=n_checks, place=place).partition_by(
        "n_checks", "place", maintain_order=True
    ):
        yield rows["written_at"][0], rows["run_id"].to_list()


def _check_runs(con: Connection, run_ids: Sequence[str], checks: Sequence[Script]) -> Iterator[Failure]:
    failed = run_batches.failures_by_run(run_batches.find_failures(con, run_ids, checks))
    of_orders = read_scripts("checks/orders")
    for run_id in run_ids:
        for name, n_rows, first in (*failed.get(run_id, ()), *runs.find_failures(con, run_id, of_orders)):
            yield f"run {run_id}: {name}", n_rows, first


def _compare_snapshot(con: Connection, warehouse: Warehouse, seen: pl.DataFrame) -> tuple[Failure, ...]:
    if not warehouse.snapshot_path.exists():
        words = f"there is none at {warehouse.snapshot_path}: {SNAPSHOT_ADVICE}"
        return ((SAME_SNAPSHOT, 1, words),) if _last_publication(con) else ()
    warehouse.require_own_copies(con, None)
    with warehouse.reading(warehouse.snapshot_path, SNAPSHOT_ADVICE) as copy:
        for _, scan in _scans(copy):
            scan()
        shown = query(copy, "what_readers_see")
    differing = seen.join(shown, on=seen.columns, how="anti", nulls_equal=True)["view_name"]
    words = f"{', '.join(differing)} of {warehouse.snapshot_path} is not as in the warehouse: {SNAPSHOT_ADVICE}"
    return ((SAME_SNAPSHOT, differing.len(), words),) if differing.len() else ()


def _compare_exports(con: Connection, folder: Path) -> tuple[Failure, ...]:
    unlike = find_unlike(con, folder)
    n_days = len(unlike.written) + len(unlike.removed)
    parts = (("missing or not as in the warehouse", unlike.written), ("of days that are not published", unlike.removed))
    named = "; ".join(f"{what}: {listed(list(map(str, days)))}" for what, days in parts if days)
    return ((SAME_EXPORTS, n_days, f"{folder} {named}: {SNAPSHOT_ADVICE}"),) if n_days else ()


def _last_publication(con: Connection) -> dict[str, object] | None:
    rows = query(con, "last_publication").rows(named=True)
    return rows[0] if rows else None


def _newest_in_snapshot(warehouse: Warehouse) -> tuple[object, ...]:
    with warehouse.reading(warehouse.snapshot_path, SNAPSHOT_ADVICE) as con:
        return query(con, "newest_records").row(0)


def _count(con: Connection) -> dict[str, int]:
    counted = {
        table: read(con, f"SELECT count(*) AS n_rows FROM {table}")["n_rows"][0]  # noqa: S608 - one of our own tables
        for table in tables(con)
    }
    return dict(sorted(counted.items()))
