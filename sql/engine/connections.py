"""Open database files, and translate the errors of DuckDB. The only file that imports duckdb.

A connection is opened late and closed early, because it locks out every other process. What does not belong here: what
is read and written over a connection.
"""

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import duckdb
import polars as pl
import pyarrow as pa

from sql.engine import opening, owners
from sql.engine.answers import read_answer
from sql.engine.copied_files import copied_aside, copy_file, written_copy
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
from sql.engine.locks import OTHER_PROCESS, attempts, describe_lock, exclusive, find_holder, log_waiting
from sql.engine.scripts import Script
from sql.engine.statements import Connection, copy_database, execute, read_tables
from sql.engine.views import are_current, make_views
from sql.errors import DamagedError, MigrationError, QueryError, WarehouseError, WarehouseLockedError
from sql.files.atomic_files import count_wal_bytes, make_folder, noted, protect, written_beside

# All frames: a frame is found by its name also where something wraps the connection.
_SETTINGS = """
    SET TimeZone = 'UTC'; SET auto_checkpoint_skip_wal_threshold = 1000000000000000; SET python_scan_all_frames = true
"""
_UNBOUND = "with no default database set"
"""DuckDB's bug 20543: an ALTER of a table whose CHECK calls a function cannot be replayed into the first database."""
_Reword: TypeAlias = Callable[[Exception], WarehouseError]
_QUERY_ERRORS = (duckdb.ProgrammingError, duckdb.DataError, duckdb.NotSupportedError, duckdb.PermissionException)


@dataclass(frozen=True)
class DatabaseFile:
    """The live file: one process and thread at a time has it open, others wait up to `lock_timeout_seconds`."""

    path: Path
    lock_timeout_seconds: float
    memory_limit: str

    @property
    def lock_path(self) -> Path:
        """The file that is locked while somebody has the database open."""
        return self.path.with_name(f"{self.path.name}.lock")

    def create(self) -> None:
        """Create an empty file where there is none. *Raises* `WarehouseError`."""
        try:
            make_folder(self.path.parent)
            with exclusive(self.lock_path, self.lock_timeout_seconds), translated_errors(self.path, self._read_all):
                if not self.path.exists():
                    with written_beside(self.path) as temporary:
                        duckdb.connect(str(temporary)).close()
        except OSError as error:
            msg = f"warehouse {self.path} cannot be made: {error}. Correct the cause and run again"
            raise WarehouseError(msg) from error

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """Yield an open connection, which no other process has meanwhile."""
        if not self.path.exists():
            msg = f"no warehouse at {self.path}: correct the path, or make it with `ballast db migrate`"
            raise WarehouseError(msg)
        opening.reject_special(self.path)
        deadline = time.monotonic() + self.lock_timeout_seconds
        with exclusive(self.lock_path, self.lock_timeout_seconds), self.opened(deadline - time.monotonic()) as con:
            protect(self.path)
            yield con

    @contextmanager
    def opened(self, timeout_seconds: float) -> Iterator[Connection]:
        """Open the file, wait only for other processes. *Requires* `exclusive` on `lock_path`."""
        with translated_errors(self.path, self._read_all):
            con = self._open(timeout_seconds)
            try:
                yield con
            finally:
                con.close()

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
                log_waiting(attempt, self.path, holder, timeout_seconds)
                continue
            _prepare(con, self.path, wal_bytes)
            return con
        raise WarehouseLockedError(describe_lock(self.path, holder, self.lock_timeout_seconds))

    def _connect(self) -> duckdb.DuckDBPyConnection:
        """Open the file, and replay its log. A log that DuckDB can only replay for an attached file is replayed so."""
        spill = self.path.with_name(f"{self.path.name}.spill")
        shutil.rmtree(spill, ignore_errors=True)  # what a killed process left
        config = {"memory_limit": self.memory_limit, "temp_directory": str(spill)}
        try:
            return duckdb.connect(str(self.path), config={**config})
        except duckdb.InternalException as error:
            if _UNBOUND not in str(error):
                raise
        with duckdb.connect(config={**config}) as con:
            opening.replay_attached(con, self.path)
        return duckdb.connect(str(self.path), config={**config})

    def _read_all(self) -> None:
        _read_all(self.path)


def _prepare(con: Connection, path: Path, wal_bytes: int) -> None:
    try:
        opening.reject_foreign(con, path)
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


@contextmanager
def translated_errors(path: Path, read_again: Callable[[], None]) -> Iterator[None]:
    """Translate an error of DuckDB into one that says what happened to the file at `path`, and what to do.

    The file is called damaged only when it cannot be read again. *Raises* `DamagedError` then, else `WarehouseError`.
    """
    try:
        with _interruptible():
            yield
    except duckdb.Error as error:
        is_damaged = is_suspect(error) and _is_damaged(read_again)
        msg = f"warehouse {explain(path, error, is_damaged=is_damaged)}"
        raise (DamagedError if is_damaged or is_unusable(error) else WarehouseError)(msg) from error


@contextmanager
def _interruptible() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        # DuckDB reports Ctrl-C and SIGTERM during a query as a plain RuntimeError.
        if "interrupted" not in str(error).lower():
            raise
        raise KeyboardInterrupt from error


def _is_damaged(read_again: Callable[[], None]) -> bool:
    try:
        read_again()
    except duckdb.Error as error:
        return is_damage(error)
    return False


def _read_all(path: Path) -> None:
    with duckdb.connect(str(path), read_only=True) as con:
        read_tables(con)


def upgrade(con: Connection) -> tuple[str, ...]:
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


@contextmanager
def copied(con: Connection, live: Path, path: Path) -> Iterator[Path]:
    """Copy every row of `live` beside `path`; when the block succeeds the copy is synced and gets that name.

    What cannot be read is found, unlike by `copy_as_it_is`, which takes the file for what it is, and a fraction of the
    time.
    """
    with _copying(live, path) as temporary:
        try:
            copy_database(con, temporary)
        except duckdb.Error as error:
            if temporary.parent.name not in str(error):
                raise  # it is about the warehouse
            raise WarehouseError(explain_unwritten(path, str(error))) from error
        yield temporary


def copy_as_it_is(con: Connection, live: Path, path: Path) -> None:
    """Copy the file `live`, whole or not at all. *Requires* its only connection, and no open transaction."""
    execute(con, "CHECKPOINT")
    with _copying(live, path) as temporary:
        copy_file(live, temporary)


@contextmanager
def _copying(live: Path, path: Path) -> Iterator[Path]:
    with noted(live.with_name(f"{live.name}.copying"), path.parent), written_copy(path) as temporary:
        yield temporary


@contextmanager
def opened_copy(path: Path, memory_limit: str, advice: str) -> Iterator[Connection]:
    """Open a copy read-only. *Raises* `WarehouseError` with the advice when it is damaged."""
    opening.reject_special(path)
    try:
        with _read_only(path, memory_limit=memory_limit) as con:
            yield con
    except duckdb.Error as error:
        is_damaged = is_suspect(error) and _is_damaged(partial(_read_all, path))
        raise WarehouseError(explain_copy(path, error, advice, is_damaged=is_damaged)) from error


@contextmanager
def read_file(
    path: Path, sql: str, parameters: Mapping[str, object], batch_rows: int
) -> Iterator[pa.RecordBatchReader]:
    """Run one query on another DuckDB file, read-only, and yield its rows in batches.

    *Requires* exactly the named parameters of the query. *Raises* `WarehouseError` for what DuckDB rejects.
    """
    try:
        if len(_split_queries(sql)) != 1:
            raise _no_query(sql)
        opening.reject_special(path)
        with _read_only(path) as con:
            yield con.execute(sql, dict(parameters)).to_arrow_reader(batch_rows)
    except duckdb.Error as error:
        sentence = " ".join(str(error).split())
        msg = f"DuckDB file {path}: {sentence}. Nothing there was changed: correct the query, or the file"
        raise WarehouseError(msg) from error


@contextmanager
def _read_only(path: Path, **config: str) -> Iterator[Connection]:
    with duckdb.connect(str(path), read_only=True, config={"enable_external_access": "false", **config}) as con:
        execute(con, "SET TimeZone = 'UTC'")
        yield con


@contextmanager
def opened_in_memory(config: Mapping[str, str], reword: _Reword) -> Iterator[Connection]:
    """Open an empty database in memory, with the errors of `reworded`."""
    with reworded(reword), duckdb.connect(config={**config}) as con:
        execute(con, _SETTINGS)
        yield con


_kept: dict[object, duckdb.DuckDBPyConnection] = {}
_keeping = threading.Lock()


@contextmanager
def opened_kept(
    key: object, config: Mapping[str, str], prepare: Callable[[Connection], None], reword: _Reword
) -> Iterator[Connection]:
    """Open a connection of its own to a database in memory that this process keeps under the key, once prepared.

    Whatever the block raises ends the database, which may be left halfway or have lost a server. Errors of `reworded`.
    """
    own, is_sound = (os.getpid(), key), False
    try:
        with reworded(reword), _kept_database(own, config, prepare).cursor() as con:
            execute(con, _SETTINGS)
            yield con
        is_sound = True
    finally:
        if not is_sound:
            _kept.pop(own, None)


def _kept_database(
    own: object, config: Mapping[str, str], prepare: Callable[[Connection], None]
) -> duckdb.DuckDBPyConnection:
    with _keeping:
        if own not in _kept:
            made = duckdb.connect(config={**config})
            prepare(made)
            _kept[own] = made
        return _kept[own]


@contextmanager
def reworded(reword: _Reword) -> Iterator[None]:
    """Raise what `reword` makes of an error of DuckDB, which is not its cause: its text may have a password."""
    try:
        with _interruptible():
            yield
    except duckdb.Error as error:
        raise reword(error) from None


def commit(con: Connection, is_committed: Callable[[], bool]) -> None:
    """Commit what a server keeps. When its answer is lost, ask whether it is done; if not, the error goes on."""
    try:
        con.commit()
    except duckdb.Error:
        if not is_committed():
            raise


def duckdb_version() -> str:
    """Return the version of the DuckDB that runs."""
    return duckdb.__version__


def answer_queries(con: Connection, sql: str, *, is_flat: bool) -> Iterator[pl.DataFrame]:
    """Run each query of a text and yield its rows. *Raises* `QueryError`, before any runs when one is no query."""
    try:
        for query_sql in _split_queries(sql):
            yield read_answer(con, query_sql, is_flat=is_flat)
    except _QUERY_ERRORS as error:
        raise QueryError(explain_query(error)) from error


def _split_queries(sql: str) -> list[str]:
    """Return the queries of a text. *Raises* `QueryError` for any other statement, before anything of it runs."""
    statements = duckdb.extract_statements(sql)
    kinds = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}
    if not statements or any(statement.type not in kinds for statement in statements):
        raise _no_query(sql)
    return [statement.query for statement in statements]


def _no_query(sql: str) -> QueryError:
    return QueryError(f"{sql.strip()!r} is not one query, so nothing of it was run: ask like FROM current_targets")


def find_owner(con: Connection, path: Path) -> str | None:
    """Return the id of the warehouse that a file is a copy of; None: there is no file, or it cannot be read."""
    if not path.is_file():
        return None
    try:
        return owners.read_owner(con, path)
    except duckdb.Error:
        # A writer locks the file, a copy of it can be read.
        with copied_aside(path) as copy, suppress(duckdb.Error):
            return owners.read_owner(con, copy)
    return None
