"""Files that are whole or not there: written beside, synced, renamed into place."""

import fcntl
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from sql.files.plain_files import require_file

FILE_MODE: Final = 0o640
FOLDER_MODE: Final = 0o750
"""The owner writes, the group reads, nobody else does either, whatever the umask: see docs/operations.md."""
UMASK: Final = 0o777 & ~FOLDER_MODE
"""Sets the same modes for what other programs write, in a process of our own."""

_TEMPORARY: Final = re.compile(r"\.ballast-[0-9a-f]{8}\.new$")


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """Yield a temporary path; when the block succeeds, sync what it wrote there and rename it to `path`.

    Whoever has the old file open keeps it. After an error the temporary file is gone and `path` is as before. What
    killed processes left in the folder is removed first.
    """
    make_folder(path.parent)
    sweep(path.parent)
    with _folder_for(path) as folder:
        temporary = folder / path.name
        yield temporary
        protect(temporary)
        sync(temporary)
        temporary.replace(path)
        sync(path.parent)
        sync(path.parent.parent)


@contextmanager
def _folder_for(path: Path) -> Iterator[Path]:
    """Make a folder for the temporary files of `path`, and lock it: it is removed with all that is in it.

    Of a process that was killed the system frees the lock, and `sweep` removes the folder.
    """
    folder, descriptor = _make_locked(path)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _make_locked(path: Path) -> tuple[Path, int]:
    folder = path.with_name(f"{path.name}.ballast-{secrets.token_hex(4)}.new")
    folder.mkdir()
    with suppress(FileNotFoundError):
        folder.chmod(FOLDER_MODE)
        descriptor = os.open(folder, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if folder.exists():
            return folder, descriptor
        os.close(descriptor)
    return _make_locked(path)  # swept before it was locked


def sweep(folder: Path, pattern: str = "*") -> None:
    """Remove the temporary folders of killed processes: those that nobody has locked."""
    for left in folder.glob(f"{pattern}.ballast-*.new"):
        if _TEMPORARY.search(left.name) and left.is_dir() and not left.is_symlink():
            with suppress(OSError):  # somebody is writing there, or may do what this user may not
                _remove_unlocked(left)


def _remove_unlocked(folder: Path) -> None:
    with locked(folder, fcntl.LOCK_NB):
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def locked(folder: Path, how: int = 0) -> Iterator[None]:
    """Lock a folder while the block runs; who comes later waits. The system frees it when the process ends.

    *Raises* `BlockingIOError` with `LOCK_NB` where it is locked.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | how)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def noted(note: Path, folder: Path) -> Iterator[None]:
    """Keep in a file, while the block runs, that something is written in the folder; sweep the one noted there before.

    So what a killed process left is found, wherever it wrote. *Requires* one process at a time.
    """
    with suppress(OSError):  # without the note, only the folders that are written to are swept
        require_file(note)
        if note.exists():
            sweep(Path(os.fsdecode(note.read_bytes())))
        note.write_bytes(os.fsencode(folder.resolve()))
        protect(note)
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


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
    """Link a file that is about to be replaced to a second name, and move its write-ahead logs beside that.

    *Requires* a file system with hard links. The file itself stays in its place until another one takes it.
    """
    kept.hardlink_to(path)
    for wal in _find_wal(path):
        with suppress(FileNotFoundError):
            wal.rename(wal.with_name(wal.name.replace(path.name, kept.name, 1)))
    sync(path.parent)


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
