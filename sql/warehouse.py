"""The warehouse: one DuckDB file, one writer, one transaction per run, a snapshot and Parquet exports for readers.

Every statement of substance is a .sql file beside this one. What does not belong here: any rule about portfolios.
"""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

from sql.any_warehouse import AnyWarehouse
from sql.engine import connections, opening, owners
from sql.engine.statements import Connection, query, read_tables
from sql.engine.views import are_just_made, record_views
from sql.errors import WarehouseError
from sql.records import Snapshot
from sql.shared_opening import closed_meanwhile, connected
from sql.store.exports import export_days, exported


@dataclass(frozen=True)
class Warehouse(AnyWarehouse):
    """The live file, the snapshot that readers open, and the folder of the Parquet exports.

    Safe to share between threads and processes: each call opens the file, waits up to `lock_timeout_seconds` for
    its turn, and closes it; in a `shared_opening` it stays open. DuckDB takes at most `memory_limit` and puts what is
    above it into files beside its own.
    *Raises* `WarehouseError` and nothing else for whatever the database rejects.
    """

    path: Path
    snapshot_path: Path
    export_folder: Path
    lock_timeout_seconds: float = 10.0
    memory_limit: str = "4GB"

    def __post_init__(self) -> None:
        """Reject names that cannot be opened, before anything is made."""
        opening.reject_unnameable(self.path, self.snapshot_path, self.export_folder)

    @property
    def name(self) -> str:
        """The path of the live file."""
        return str(self.path)

    @property
    def file(self) -> connections.DatabaseFile:
        """The live file."""
        return connections.DatabaseFile(self.path, self.lock_timeout_seconds, self.memory_limit)

    @property
    def exports(self) -> Path:
        """The folder of the Parquet exports."""
        return self.export_folder

    def count_bytes(self, con: Connection) -> int:  # noqa: ARG002 - the file has a size
        """Return the size of the live file, bytes."""
        return self.path.stat().st_size

    def exists(self) -> bool:
        """Whether there is a live file."""
        return self.path.exists()

    def is_readable(self) -> bool:
        """Whether there is a snapshot."""
        return self.snapshot_path.exists()

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """Yield an open connection, which no other process has meanwhile; for the functions of this package."""
        with connected(self.file) as con:
            yield con

    def migrate(self) -> tuple[str, ...]:
        """Apply the migrations that are missing, then the views where they differ, and return the versions applied.

        *Raises* `MigrationError` for an edited file, a database newer than the code, or a failing migration.
        """
        if not self.path.exists():
            self.file.create()
        with self.connected() as con:
            versions, are_new = connections.upgrade(con), are_just_made(con)
        if are_new:
            with closed_meanwhile(), self.connected() as con:
                record_views(con)
        return versions

    @contextmanager
    def kept_open(self) -> Iterator["Warehouse"]:
        """Yield the warehouse on one open connection, for many small steps: each is still a transaction of its own.

        *Requires* one thread. It is held for the whole block: no other process can write meanwhile.
        """
        with self.connected() as con:
            settings = (self.lock_timeout_seconds, self.memory_limit)
            yield _KeptOpen(self.path, self.snapshot_path, self.export_folder, *settings, con=con)

    def export(self, days: Sequence[date]) -> tuple[Path, ...]:
        """Export the visible targets of the days, one Parquet file a day, each whole or not at all."""
        with self.connected() as con:
            self.require_own_copies(con, days)
            return export_days(con, self.export_folder, days)

    def has_copy(self, path: Path) -> bool:
        """Whether the file is a copy of this warehouse."""
        with self.connected() as con:
            return connections.find_owner(con, path) == owners.warehouse_id(con)

    def require_own_copies(self, con: Connection, days: Sequence[date] | None) -> None:
        """Reject to replace copies of another warehouse: the snapshot, exports of the days (None: of all), the newest.

        *Raises* `ForeignFileError`.
        """
        self.require_copies_of(con, {owners.warehouse_id(con)}, exported(self.export_folder, days))

    def require_copies_of(self, con: Connection, own: owners.Owners, exports: Iterable[Path]) -> None:
        """Reject a snapshot and exports of other owners than these. *Raises* `ForeignFileError`."""
        owner = connections.find_owner(con, self.snapshot_path)
        owners.require_own_snapshot(own, owner, self.snapshot_path, self.path)
        owners.require_own_exports(con, own, exports, self.path)

    def snapshot(self, as_of_date: date | None = None) -> Snapshot:
        """Copy the warehouse for readers and export the visible targets of the day, each whole or not at all.

        Without a day: the newest one of which targets are visible.
        """
        with self.connected() as con:
            day: date | None = as_of_date or query(con, "newest_visible_day")["as_of_date"][0]
            self.require_own_copies(con, [day] if day else [])
            return self.renew_copies(con, day)

    def renew_copies(self, con: Connection, day: date | None) -> Snapshot:
        """Do as `snapshot`. *Requires* copies that may be replaced."""
        owners.keep_id(con, self.path)
        connections.copy_as_it_is(con, self.path, self.snapshot_path)
        exports = export_days(con, self.export_folder, [day]) if day else ()
        return Snapshot(self.snapshot_path, exports[0] if exports else None)

    @property
    def readers_open(self) -> str:
        """The path of the snapshot."""
        return str(self.snapshot_path)

    def copy_for_readers(self, path: Path) -> None:
        """Copy the snapshot. *Raises* `WarehouseError` when there is none, it is damaged, or there is no room."""
        with self.reading_snapshot():  # a damaged one is reported by its own name
            try:
                shutil.copyfile(self.snapshot_path, path)
            except OSError as error:
                msg = (
                    f"the snapshot cannot be copied to {path}: {error}. Nothing was changed: make room there, or name "
                    "another folder in TMPDIR"
                )
                raise WarehouseError(msg) from error

    def translated_errors(self, con: Connection) -> AbstractContextManager[None]:
        """Translate an error of DuckDB into one about the live file."""
        return connections.translated_errors(self.path, partial(read_tables, con))

    @contextmanager
    def reading(self, path: Path, advice: str) -> Iterator[Connection]:
        """Open a copy read-only. *Raises* `WarehouseError` with the advice when it is damaged."""
        with connections.opened_copy(path, self.memory_limit, advice) as con:
            yield con

    def require_snapshot(self) -> None:
        """Look for the snapshot. *Raises* `WarehouseError` when there is none, with the command that makes it."""
        if not self.snapshot_path.exists():
            is_live = self.path.exists()
            remedy = "make it with `ballast db snapshot`" if is_live else "publish a day first, with `ballast run`"
            msg = f"no snapshot at {self.snapshot_path}: correct the path, or {remedy}"
            raise WarehouseError(msg)

    @contextmanager
    def reading_snapshot(self) -> Iterator[Connection]:
        """Open the snapshot as `reading` does, and warn when it is of another warehouse than this one."""
        self.require_snapshot()
        with self.reading(self.snapshot_path, opening.SNAPSHOT_ADVICE) as con:
            owners.warn_of_foreign(con, self.snapshot_path, self.path)
            yield con


@dataclass(frozen=True, kw_only=True)
class _KeptOpen(Warehouse):
    """The warehouse on a connection that is open already."""

    con: Connection

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """Yield the connection that is open already."""
        with self.translated_errors(self.con):
            yield self.con
