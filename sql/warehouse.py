"""The warehouse: one DuckDB file, one writer, one transaction per run.

The only file that imports duckdb. Every statement of substance is a .sql file beside it; a connection is opened late
and closed early, because it locks out every other process. What does not belong here: any rule about portfolios.
"""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa

from sql.engine import opening, owners
from sql.engine.answers import read_answer
from sql.engine.atomic_files import (
    copied_aside,
    count_wal_bytes,
    make_folder,
    noted,
    protect,
    written_beside,
    written_copy,
)
from sql.engine.duckdb_errors import (
    explain,
    explain_copy,
    explain_query,
    explain_unwritten,
    is_damage,
    is_suspect,
    is_unusable,
    is_unwritten,
)
from sql.engine.locks import OTHER_PROCESS, attempts, describe_lock, exclusive, find_holder, tell_waiting
from sql.engine.scripts import Script
from sql.engine.statements import Connection, copy_database, execute, query, read_tables
from sql.engine.views import are_current, are_just_made, make_views, record_views
from sql.errors import DamagedError, MigrationError, QueryError, WarehouseError, WarehouseLockedError
from sql.records import Snapshot
from sql.store.exports import export_days, exported
from sql.store.operations import Steps

# All frames: a frame is found by its name also where something wraps the connection.
_SETTINGS = """
    SET TimeZone = 'UTC'; SET auto_checkpoint_skip_wal_threshold = 1000000000000000; SET python_scan_all_frames = true
"""
_UNBOUND = "with no default database set"
"""DuckDB's bug 20543: an ALTER of a table whose CHECK calls a function cannot be replayed into the first database."""
_QUERY_ERRORS = (duckdb.ProgrammingError, duckdb.DataError, duckdb.NotSupportedError, duckdb.PermissionException)


@dataclass(frozen=True)
class Warehouse(Steps):
    """The live file, the snapshot that readers open, and the folder of the Parquet exports.

    Safe to share between threads and processes: each call opens the file, waits up to `lock_timeout_seconds` for
    its turn, and closes it. DuckDB takes at most `memory_limit` and puts what is above it into files beside its own.
    *Raises* `WarehouseError` and nothing else for whatever the database refuses.
    """

    path: Path
    snapshot_path: Path
    export_folder: Path
    lock_timeout_seconds: float = 10.0
    memory_limit: str = "4GB"

    def __post_init__(self) -> None:
        """Refuse names that cannot be opened, before anything is made."""
        opening.refuse_unnameable(self.path, self.snapshot_path, self.export_folder)

    def migrate(self) -> tuple[str, ...]:
        """Apply the migrations that are missing, then the views where they differ, and return the versions applied.

        *Raises* `MigrationError` for an edited file, a database newer than the code, or a failing migration.
        """
        if not self.path.exists():
            self._create()
        with self.connected() as con:
            versions, are_new = bring_forward(con), are_just_made(con)
        if are_new:
            with self.connected() as con:
                record_views(con)
        return versions

    @contextmanager
    def kept_open(self) -> Iterator["Warehouse"]:
        """Give the warehouse on one open connection, for many small steps: each is still a transaction of its own.

        *Requires* one thread. It is held for the whole block: nobody else can write meanwhile.
        """
        with self.connected() as con:
            settings = (self.lock_timeout_seconds, self.memory_limit)
            yield _KeptOpen(self.path, self.snapshot_path, self.export_folder, *settings, con=con)

    def export(self, days: Sequence[date]) -> tuple[Path, ...]:
        """Export the visible targets of the days, one Parquet file a day, each whole or not at all."""
        with self.connected() as con:
            self.require_own_copies(con, days)
            return export_days(con, self.export_folder, days)

    def require_own_copies(self, con: Connection, days: Sequence[date] | None = ()) -> None:
        """Refuse to replace copies of another warehouse: the snapshot, exports of the days (None: of all), the newest.

        *Raises* `ForeignFileError`.
        """
        self.require_copies_of(con, {owners.warehouse_id(con)}, exported(self.export_folder, days))

    def require_copies_of(self, con: Connection, own: owners.Owners, exports: Iterable[Path]) -> None:
        """Refuse a snapshot and exports of other owners than the given. *Raises* `ForeignFileError`."""
        owners.require_own_snapshot(own, find_owner(con, self.snapshot_path), self.snapshot_path, self.path)
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
        with self.copied(con, self.snapshot_path):
            pass
        exports = export_days(con, self.export_folder, [day]) if day else ()
        return Snapshot(self.snapshot_path, exports[0] if exports else None)

    @contextmanager
    def copied(self, con: Connection, path: Path) -> Iterator[Path]:
        """Copy the warehouse beside `path`; when the block succeeds the copy is synced and gets that name."""
        note = self.path.with_name(f"{self.path.name}.copying")
        with noted(note, path.parent), written_copy(path) as temporary:
            try:
                copy_database(con, temporary)
            except duckdb.Error as error:
                if temporary.parent.name not in str(error):
                    raise  # it is about the warehouse
                raise WarehouseError(explain_unwritten(path, str(error))) from error
            yield temporary

    @contextmanager
    def reading(self, path: Path, advice: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open a copy read-only. *Raises* `WarehouseError` with what to do when it is damaged: the advice."""
        config = {"enable_external_access": "false", "memory_limit": self.memory_limit}
        opening.refuse_special(path)
        try:
            with duckdb.connect(str(path), read_only=True, config={**config}) as con:
                execute(con, "SET TimeZone = 'UTC'")
                yield con
        except duckdb.Error as error:
            is_damaged = is_suspect(error) and _is_damaged(partial(_read_all, path))
            raise WarehouseError(explain_copy(path, error, advice, is_damaged=is_damaged)) from error

    @contextmanager
    def reading_snapshot(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the snapshot as `reading` does, and warn where it is of another warehouse than this one."""
        path = opening.require_snapshot(self.snapshot_path, self.path)
        with self.reading(path, opening.SNAPSHOT_ADVICE) as con:
            owners.warn_of_foreign(con, path, self.path)
            yield con

    def ask_snapshot(self, sql: str) -> pl.DataFrame:
        """Run one query on the snapshot, as `ask_snapshot_each` does, and return its rows; of several, the first's."""
        answer, *_ = self.ask_snapshot_each(sql)
        return answer

    def ask_snapshot_each(self, sql: str, *, is_flat: bool = False) -> Iterator[pl.DataFrame]:
        """Run each query of a text on the snapshot, read-only, and return its rows, as `read_answer` does.

        *Raises* `WarehouseError` when there is no snapshot yet; `QueryError` before any runs when one is no query.
        """
        with self.reading_snapshot() as con:
            try:
                for query_sql in _queries(sql):
                    yield read_answer(con, query_sql, is_flat=is_flat)
            except _QUERY_ERRORS as error:
                raise QueryError(explain_query(error)) from error

    def _create(self) -> None:
        try:
            make_folder(self.path.parent)
            locked = exclusive(self.lock_path, self.lock_timeout_seconds)
            with locked, translated(self.path, partial(_read_all, self.path)):
                if not self.path.exists():
                    with written_beside(self.path) as temporary:
                        duckdb.connect(str(temporary)).close()
        except OSError as error:
            msg = f"warehouse {self.path} cannot be made: {error}. Correct the cause and run again"
            raise WarehouseError(msg) from error

    @contextmanager
    def connected(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give an open connection, which nobody else has meanwhile; for the functions of this package."""
        if not self.path.exists():
            msg = f"no warehouse at {self.path}: correct the path, or make it with `ballast db migrate`"
            raise WarehouseError(msg)
        opening.refuse_special(self.path)
        deadline = time.monotonic() + self.lock_timeout_seconds
        with exclusive(self.lock_path, self.lock_timeout_seconds), self.opened(deadline - time.monotonic()) as con:
            protect(self.path)
            yield con

    @contextmanager
    def opened(self, timeout_seconds: float) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the file and give the connection. *Requires* `exclusive`: other processes alone are waited for."""
        with translated(self.path, partial(_read_all, self.path)):
            con = self._open(timeout_seconds)
            try:
                yield con
            finally:
                con.close()

    @property
    def lock_path(self) -> Path:
        """The file that is locked while somebody has the warehouse open."""
        return self.path.with_name(f"{self.path.name}.lock")

    def _config(self) -> dict[str, str | bool | int | float | list[str]]:
        """Give DuckDB's settings. What a killed process left in the folder of its spill files is thrown away."""
        spill = self.path.with_name(f"{self.path.name}.spill")
        shutil.rmtree(spill, ignore_errors=True)
        return {"memory_limit": self.memory_limit, "temp_directory": str(spill)}

    def _connect(self) -> duckdb.DuckDBPyConnection:
        """Open the file, and replay its log. A log that DuckDB can only replay for an attached file is replayed so."""
        config = self._config()
        try:
            return duckdb.connect(str(self.path), config=config)
        except duckdb.InternalException as error:
            if _UNBOUND not in str(error):
                raise
        with duckdb.connect(config=config) as con:
            opening.replay_attached(con, self.path)
        return duckdb.connect(str(self.path), config=config)

    def _open(self, timeout_seconds: float) -> duckdb.DuckDBPyConnection:
        holder = OTHER_PROCESS
        for attempt in attempts(timeout_seconds):
            wal_bytes = count_wal_bytes(self.path)
            try:
                con = self._connect()
            except duckdb.IOException as error:
                found = find_holder(str(error))
                if found is None:
                    raise
                holder = found
                tell_waiting(attempt, self.path, holder, timeout_seconds)
                continue
            _prepare(con, self.path, wal_bytes)
            return con
        raise WarehouseLockedError(describe_lock(self.path, holder, self.lock_timeout_seconds))


@dataclass(frozen=True, kw_only=True)
class _KeptOpen(Warehouse):
    """The warehouse on a connection that is open already."""

    con: duckdb.DuckDBPyConnection

    @contextmanager
    def connected(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give the connection that is open already."""
        with translated(self.path, partial(read_tables, self.con)):
            yield self.con


@contextmanager
def read_file(
    path: Path, sql: str, parameters: Mapping[str, object], batch_rows: int
) -> Iterator[pa.RecordBatchReader]:
    """Run one query on another DuckDB file, read-only, and give its rows in batches.

    *Requires* exactly the named parameters of the query. *Raises* `WarehouseError` for what DuckDB refuses.
    """
    try:
        if len(_queries(sql)) != 1:
            raise _no_query(sql)
        opening.refuse_special(path)
        with duckdb.connect(str(path), read_only=True, config={"enable_external_access": "false"}) as con:
            execute(con, "SET TimeZone = 'UTC'")
            yield con.execute(sql, dict(parameters)).to_arrow_reader(batch_rows)
    except duckdb.Error as error:
        sentence = " ".join(str(error).split())
        msg = f"DuckDB file {path}: {sentence}. Nothing there was changed: correct the query, or the file"
        raise WarehouseError(msg) from error


def find_owner(con: Connection, path: Path) -> str | None:
    """Give the id of the warehouse that a file is a copy of; None: there is no file, or nobody can read it."""
    if not path.is_file():
        return None
    try:
        return owners.read_owner(con, path)
    except duckdb.Error:
        # Who has it open for writing locks it: a copy can be asked.
        with copied_aside(path) as copy, suppress(duckdb.Error):
            return owners.read_owner(con, copy)
    return None


def _queries(sql: str) -> list[str]:
    """Split a text into its queries; refuse what is none before anything of it runs."""
    statements = duckdb.extract_statements(sql)
    asking = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}
    if not statements or any(one.type not in asking for one in statements):
        raise _no_query(sql)
    return [one.query for one in statements]


def _no_query(sql: str) -> QueryError:
    return QueryError(f"{sql.strip()!r} is not one query, so nothing of it was run: ask like FROM current_targets")


@contextmanager
def translated(path: Path, read_again: Callable[[], None]) -> Iterator[None]:
    """Turn what DuckDB says about the file into words that a person can act on.

    The file is called damaged only when it cannot be read again. *Raises* `DamagedError` then, else `WarehouseError`.
    """
    try:
        yield
    except RuntimeError as error:
        # DuckDB reports Ctrl-C and SIGTERM during a query as a plain RuntimeError.
        if "interrupted" not in str(error).lower():
            raise
        raise KeyboardInterrupt from error
    except duckdb.Error as error:
        is_damaged = is_suspect(error) and _is_damaged(read_again)
        msg = f"warehouse {explain(path, error, is_damaged=is_damaged)}"
        raise (DamagedError if is_damaged or is_unusable(error) else WarehouseError)(msg) from error


def _is_damaged(read_again: Callable[[], None]) -> bool:
    try:
        read_again()
    except duckdb.Error as error:
        return is_damage(error)
    return False


def _read_all(path: Path) -> None:
    with duckdb.connect(str(path), read_only=True) as con:
        read_tables(con)


def _prepare(con: duckdb.DuckDBPyConnection, path: Path, wal_bytes: int) -> None:
    try:
        opening.refuse_foreign(con, path)
        execute(con, _SETTINGS)
        if wal_bytes:
            opening.recover(con, path, wal_bytes)
    except OSError as error:
        con.close()
        msg = f"warehouse {explain(path, error)}"
        raise WarehouseError(msg) from error
    except (duckdb.Error, WarehouseError):
        con.close()
        raise


def bring_forward(con: Connection) -> tuple[str, ...]:
    """Apply the migrations that are missing, then the views where they differ, and return the versions applied."""
    pending = opening.pending_migrations(con)
    for migration in pending:
        _apply(con, migration)
    if pending or not are_current(con):
        make_views(con)
    return tuple(migration.version for migration in pending)


def _apply(con: Connection, migration: Script) -> None:
    try:
        opening.apply_migration(con, migration)
    except duckdb.Error as error:
        if is_unwritten(error):
            raise
        msg = f"migration {migration.name} failed: {error}. Nothing of it was kept: correct the file and run again"
        raise MigrationError(msg) from error
    execute(con, "CHECKPOINT")
