"""Files that are whole or not there: written beside, synced, renamed into place."""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from polars.exceptions import ComputeError

from sql.errors import WarehouseError

FILE_MODE: Final = 0o640
FOLDER_MODE: Final = 0o750
"""The owner writes, the group reads, nobody else does either, whatever the umask: see docs/operations.md."""
UMASK: Final = 0o777 & ~FOLDER_MODE
"""Gives the same modes to what other programs write, in a process of our own."""


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """Give a temporary path; when the block succeeds, sync what it wrote there and rename it to `path`.

    Whoever has the old file open keeps it. After an error the temporary file is gone and `path` is as before.
    *Requires* one writer at a time.
    """
    make_folder(path.parent)
    # Not .tmp: that is where DuckDB puts what a reader's query spills.
    temporary = path.with_name(f"{path.name}.new")
    _remove(temporary)
    try:
        yield temporary
        protect(temporary)
        sync(temporary)
        temporary.replace(path)
        sync(path.parent)
        sync(path.parent.parent)
    finally:
        _remove(temporary)


@contextmanager
def written_copy(path: Path) -> Iterator[Path]:
    """As `written_beside`, for what is made anew from the warehouse.

    *Raises* `WarehouseError` when it cannot be written; nothing but the copy was touched then.
    """
    try:
        with written_beside(path) as temporary:
            yield temporary
    except (OSError, ComputeError) as error:  # Polars tells a full disk as the latter
        msg = f"{path} cannot be written: {error}. Nothing else was changed: correct the cause and do it again"
        raise WarehouseError(msg) from error


def make_folder(folder: Path) -> None:
    """Create the folder, and those above it that are missing, with `FOLDER_MODE`. One that exists stays as it is."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        folder.chmod(FOLDER_MODE)


def protect(path: Path, mode: int = FILE_MODE) -> None:
    """Set the mode of a file; nothing happens when it is another user's, or does not exist."""
    with suppress(PermissionError, FileNotFoundError):
        if stat.S_IMODE(path.stat().st_mode) != mode:
            path.chmod(mode)


def keep(path: Path, kept: Path) -> None:
    """Give a file that is about to be replaced a second name, and move its write-ahead logs beside that.

    *Requires* a file system with hard links. The file itself stays in its place until another one takes it.
    """
    kept.hardlink_to(path)
    for wal in _find_wal(path):
        with suppress(FileNotFoundError):
            wal.rename(wal.with_name(wal.name.replace(path.name, kept.name, 1)))
    sync(path.parent)


@contextmanager
def copied_aside(path: Path) -> Iterator[Path]:
    """Copy a file into a temporary folder for as long as the block runs. *Raises* `WarehouseError` when it cannot."""
    with TemporaryDirectory(prefix="ballast-copy-") as folder:
        try:
            copy = shutil.copyfile(path, Path(folder) / path.name)
        except OSError as error:
            msg = f"{path} cannot be read: {error}, so nobody knows whose it is. Nothing was changed: correct the cause"
            raise WarehouseError(msg) from error
        yield copy


def sync(path: Path) -> None:
    """Wait until the file, or the folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def count_wal_bytes(path: Path) -> int:
    """Add up the write-ahead logs that an unclean stop of DuckDB left beside its file; 0 when there is none."""
    n_bytes = 0
    for wal in _find_wal(path):
        # Whoever has the file open may finish meanwhile.
        with suppress(FileNotFoundError):
            n_bytes += wal.stat().st_size
    return n_bytes


def _find_wal(path: Path) -> tuple[Path, ...]:
    return tuple(path.with_name(path.name + suffix) for suffix in (".wal", ".wal.checkpoint", ".wal.recovery"))


def _remove(temporary: Path) -> None:
    # A log that a killed process left would be replayed into the next file of that name.
    for file in (temporary, *_find_wal(temporary)):
        file.unlink(missing_ok=True)
