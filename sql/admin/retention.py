"""Keep the folders around the warehouse small: which backups and left-overs may go, by the times in their names.

What does not belong here: what makes a copy or verifies it, which is in maintenance.py.
"""

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sql.any_warehouse import AnyWarehouse
from sql.engine.connections import find_owner
from sql.engine.locks import exclusive
from sql.engine.opening import reject_unnameable
from sql.engine.owners import warehouse_id
from sql.engine.statements import execute
from sql.errors import WarehouseError
from sql.files.atomic_files import sync
from sql.warehouse import Warehouse

_FORMAT = "%Y%m%dT%H%M%SZ"
_TIME = r"(?P<time>\d{8}T\d{6}Z)"
_UNVERIFIED = ".unproved"
_LONGEST_PROOF = timedelta(days=1)


def new_backup_path(path: Path, folder: Path | None) -> Path:
    """Name a new backup of the warehouse by the time. Without a folder: in backups/ beside it."""
    return _backup_folder(path, folder) / f"{path.stem}-{datetime.now(UTC):{_FORMAT}}{path.suffix}"


def require_new(path: Path) -> None:
    """Reject a name for a backup that cannot be opened, or that a file has. *Raises* `WarehouseError`."""
    reject_unnameable(path)
    if path.exists():
        msg = f"{path} is there already and is not overwritten: give another name, or move it away"
        raise WarehouseError(msg)


def unverified(path: Path) -> Path:
    """Name a backup that is not verified yet: it does not count as one."""
    return path.with_name(path.name + _UNVERIFIED)


def accept(path: Path) -> Path:
    """Rename a backup that is verified to its final name."""
    accepted = path.with_name(path.name.removesuffix(_UNVERIFIED))
    path.rename(accepted)
    sync(path.parent)
    return accepted


def checkpoint(warehouse: Warehouse) -> None:
    """Take over into the file what is only in its log."""
    with warehouse.connected() as con:
        execute(con, "CHECKPOINT")


def find_backups(path: Path, folder: Path | None) -> tuple[Path, ...]:
    """Find the backups of the warehouse that have the time in their name, newest first; others are a person's."""
    return _find_named(path, folder, "")


def find_own_backups(warehouse: AnyWarehouse, path: Path, folder: Path | None) -> tuple[Path, ...]:
    """Find the backups as `find_backups` does, without those of another warehouse that has the same file name."""
    return _own(warehouse, find_backups(path, folder))


@contextmanager
def one_at_a_time(warehouse: Warehouse, folder: Path | None) -> Iterator[None]:
    """Let one process at a time back up and verify; unverified backups of a killed one are removed first.

    *Raises* `WarehouseLockedError` while another one does.
    """
    lock = warehouse.path.with_name(f"{warehouse.path.name}.maintenance.lock")
    with exclusive(lock, warehouse.lock_timeout_seconds):
        remove(_own(warehouse, _find_named(warehouse.path, folder, _UNVERIFIED)))
        yield


def find_left_overs(warehouse: Warehouse, folder: Path | None, before: datetime) -> tuple[Path, ...]:
    """Find what was kept beside the warehouse before that time, and what killed readers left.

    Kept: the part of a log that could not be replayed, files that a restored backup replaced, exports of another
    warehouse. The times are in the names, since a file that is kept has the time of its last change. Backups that a
    killed process of an earlier release left go too.
    """
    path = warehouse.path
    kept = re.compile(rf"{re.escape(path.name)}\.(?:wal\.|replaced-){_TIME}(?:\..+)?")
    copies = re.compile(rf"{_backup_name(path)}(?:{re.escape(_UNVERIFIED)})?\.new(?:\.wal.*)?")
    spilled = (file.with_name(f"{file.name}.tmp") for file in (path, warehouse.snapshot_path))
    is_old = (
        *_named_before(path.parent, kept, before),
        *_named_before(_backup_folder(path, folder), copies, datetime.now(UTC) - _LONGEST_PROOF),
        *(one for one in spilled if one.exists() and datetime.fromtimestamp(one.stat().st_mtime, UTC) < before),
    )
    return tuple(sorted(is_old))


def remove(paths: Sequence[Path]) -> None:
    """Remove files and folders. *Raises* `WarehouseError` for the first that stays; those before it are gone."""
    for path in paths:
        try:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        except OSError as error:
            msg = f"{path} cannot be removed: {error}. Correct the cause, or remove it by hand"
            raise WarehouseError(msg) from error


def count_bytes(path: Path) -> int:
    """Add up the sizes of a file or of all files in a folder."""
    return sum(file.stat().st_size for file in (path, *path.rglob("*")) if file.is_file())


def _own(warehouse: AnyWarehouse, found: Sequence[Path]) -> tuple[Path, ...]:
    with warehouse.connected() as con:
        own = {None, warehouse_id(con)}
        return tuple(path for path in found if find_owner(con, path) in own)


def _find_named(path: Path, folder: Path | None, ending: str) -> tuple[Path, ...]:
    name = re.compile(_backup_name(path) + re.escape(ending))
    found = (file for file in _backup_folder(path, folder).glob("*") if name.fullmatch(file.name))
    return tuple(sorted(found, reverse=True))


def _backup_name(path: Path) -> str:
    return rf"{re.escape(path.stem)}-{_TIME}{re.escape(path.suffix)}"


def _backup_folder(path: Path, folder: Path | None) -> Path:
    return folder or path.parent / "backups"


def _named_before(folder: Path, name: re.Pattern[str], before: datetime) -> list[Path]:
    found = ((file, name.fullmatch(file.name)) for file in folder.glob("*"))
    return [file for file, match in found if match and _read_time(match["time"]) < before]


def _read_time(text: str) -> datetime:
    return datetime.strptime(text, _FORMAT).replace(tzinfo=UTC)
