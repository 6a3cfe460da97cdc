"""What comes first when a file was opened: whether it is ours, fits the code, and its last writer ended cleanly."""

import logging
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from sql.engine.scripts import Script, find_pending, read_scripts
from sql.engine.statements import Connection, command, execute, has_table, query, tables, transaction
from sql.errors import ForeignFileError, WarehouseError
from sql.files.atomic_files import protect
from sql.files.plain_files import NotAFileError, require_file
from sql.text import counted, listed

SNAPSHOT_ADVICE = "write it again with `ballast db snapshot`"
"""What to do about a snapshot that is damaged."""

_LOG = logging.getLogger(__name__)
_NOT_WHOLE = (
    "the write-ahead log of %s (%d bytes) was not whole: its end was not taken over and is kept in %s. It is a write "
    "that was interrupted before it was acknowledged, or damage: `ballast db verify` looks at every row"
)


def reject_special(path: Path) -> None:
    """Reject what is no file before DuckDB waits for it. *Raises* `WarehouseError`."""
    try:
        require_file(path)
    except NotAFileError as error:
        msg = f"{path} cannot be read: {error}. Nothing was changed: correct the path"
        raise WarehouseError(msg) from None


def reject_unnameable(*paths: Path) -> None:
    """Reject paths that DuckDB and Polars cannot name. *Raises* `WarehouseError`."""
    for path in paths:
        try:
            str(path).encode()
        except UnicodeEncodeError:
            shown = os.fsencode(path).decode(errors="backslashreplace")
            msg = f"{shown} is no path in UTF-8, which DuckDB cannot open. Nothing was changed: use another name"
            raise WarehouseError(msg) from None


def reject_foreign(con: Connection, path: Path) -> None:
    """Reject a file that has tables of another application. *Raises* `ForeignFileError`."""
    names = tables(con)
    if names and "schema_migrations" not in names:
        msg = (
            f"{path} is a DuckDB file of another application: it has {counted(len(names), 'table')} "
            f"({listed(names)}) and no schema_migrations. No row of it was changed: correct the path"
        )
        raise ForeignFileError(msg)


def pending_migrations(con: Connection) -> tuple[Script, ...]:
    """Return the migrations that the file lacks, in order. *Raises* `MigrationError` when the code does not fit."""
    applied = query(con, "applied_migrations") if has_table(con, "schema_migrations") else None
    checksums = {} if applied is None else dict(applied.select("version", "checksum").rows())
    return find_pending(read_scripts("migrations"), checksums)


def apply_migration(con: Connection, migration: Script) -> None:
    """Apply a migration and record it, in one transaction."""
    row = {"version": migration.version, "name": migration.name, "checksum": migration.checksum}
    with transaction(con):
        execute(con, migration.sql)
        command(con, "record_migration", **row, applied_at=datetime.now(UTC))


def recover(con: Connection, path: Path, wal_bytes: int) -> None:
    """Make the file clean after an unclean stop: a committed write, then a checkpoint.

    A log that could not be replayed to its end is retained beside the file, with a warning: the stop cut off a write
    that was never acknowledged, or the log is damaged.
    """
    now = datetime.now(UTC)
    wal, kept = path.with_name(f"{path.name}.wal"), path.with_name(f"{path.name}.wal.{now:%Y%m%dT%H%M%SZ}")
    copy = path.with_name(f"{path.name}.wal.new")
    size = wal.stat().st_size if wal.exists() else 0
    try:
        if size:
            shutil.copyfile(wal, copy)
            protect(copy)
        _write(con, now, wal_bytes)
        # DuckDB appends to what it could replay; it cuts off the rest.
        if wal.stat().st_size <= size:
            copy.replace(kept)
            _LOG.warning(_NOT_WHOLE, path, size, kept)
    finally:
        copy.unlink(missing_ok=True)
    execute(con, "CHECKPOINT")


def replay_attached(con: Connection, path: Path) -> None:
    """Replay the log of a file that is not the connection's own, and make it clean as `recover` does."""
    target = str(path).replace("'", "''")
    execute(con, f"ATTACH '{target}' AS replayed")
    execute(con, "CREATE TABLE replayed.recovery AS SELECT 1 AS recovered; DROP TABLE replayed.recovery")
    execute(con, "CHECKPOINT replayed; DETACH replayed")


def _write(con: Connection, now: datetime, wal_bytes: int) -> None:
    if has_table(con, "recoveries"):
        command(con, "record_recovery", recovered_at=now, wal_bytes=wal_bytes)
    else:
        execute(con, "CREATE TABLE recovery AS SELECT 1 AS recovered; DROP TABLE recovery")
