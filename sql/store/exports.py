"""The day's targets as Parquet, for readers that open no database: each file whole or as it was."""

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from pathlib import Path

import polars as pl

from sql.engine.copied_files import written_copy
from sql.engine.owners import METADATA_KEY, warehouse_id
from sql.engine.statements import Connection, query
from sql.errors import WarehouseError
from sql.files.atomic_files import sweep
from sql.records import ExportChanges

_DAYS_AT_ONCE = 64
_WRITERS = 8


def export_days(con: Connection, folder: Path, days: Sequence[date]) -> tuple[Path, ...]:
    """Write the visible targets of each day to as_of_date=<day>/targets.parquet; a day without any has no file."""
    sweep(folder, "as_of_date=*/*")
    metadata = {METADATA_KEY: warehouse_id(con) or ""}

    def write(one: tuple[date, pl.DataFrame]) -> Path:
        return _write(_path(folder, one[0]), one[1], metadata)

    written: list[Path] = []
    # Most of the time is waiting for the disk, so files are written side by side.
    with ThreadPoolExecutor(_WRITERS) as pool:
        for first in range(0, len(days), _DAYS_AT_ONCE):
            written += pool.map(write, _targets(con, days[first : first + _DAYS_AT_ONCE]))
    return tuple(written)


def find_unlike(con: Connection, folder: Path) -> ExportChanges:
    """Find the days whose export is missing or other than what is visible, and those of which nothing is visible."""
    visible = _visible_days(con)
    unlike = tuple(day for day, rows in _targets(con, visible) if not _holds(_path(folder, day), rows))
    return ExportChanges(unlike, tuple(sorted(_exported_days(folder) - set(visible))))


def match_exports(con: Connection, folder: Path, aside: Path) -> ExportChanges:
    """Write and remove exports until they are what is visible. Those that were other are kept in `aside`."""
    unlike = find_unlike(con, folder)
    for day in sorted({*unlike.written, *unlike.removed} & _exported_days(folder)):
        _keep(_path(folder, day), aside)
    export_days(con, folder, unlike.written)
    for day in unlike.removed:
        _remove(_path(folder, day))
    return unlike


def _path(folder: Path, day: date) -> Path:
    return folder / f"as_of_date={day.isoformat()}" / "targets.parquet"


def _visible_days(con: Connection) -> list[date]:
    return query(con, "visible_days")["as_of_date"].to_list()


def exported(folder: Path, days: Sequence[date] | None = None) -> tuple[Path, ...]:
    """Return the exports that are there of the days, and the newest of all; without days: every one."""
    known = sorted(_exported_days(folder))
    selected = known if days is None else sorted({*known[-1:], *set(days).intersection(known)})
    return tuple(_path(folder, day) for day in selected)


def _exported_days(folder: Path) -> set[date]:
    days: set[date] = set()
    for path in folder.glob("as_of_date=*/targets.parquet"):
        with suppress(ValueError):
            days.add(date.fromisoformat(path.parent.name.removeprefix("as_of_date=")))
    return days


def _targets(con: Connection, days: Sequence[date]) -> Iterator[tuple[date, pl.DataFrame]]:
    """Read the visible targets of the days, a bounded number of days at a time."""
    for first in range(0, len(days), _DAYS_AT_ONCE):
        targets = query(con, "targets_of_days", days=list(days[first : first + _DAYS_AT_ONCE]))
        for (day,), rows in targets.partition_by("as_of_date", as_dict=True, maintain_order=True).items():
            yield day, rows


def _holds(path: Path, rows: pl.DataFrame) -> bool:
    try:
        held = pl.read_parquet(path, glob=False, hive_partitioning=False)
    except (OSError, pl.exceptions.PolarsError):
        return False
    return held.schema == rows.schema and held.equals(rows)


def _keep(path: Path, aside: Path) -> None:
    kept = aside / path.parent.name / path.name
    with written_copy(kept) as temporary:
        shutil.copyfile(path, temporary)


def _remove(path: Path) -> None:
    try:
        path.unlink()
    except OSError as error:
        msg = f"{path} cannot be removed: {error}. Correct the cause and run `ballast db snapshot`"
        raise WarehouseError(msg) from error
    with suppress(OSError):  # a folder that holds anything else stays
        path.parent.rmdir()


def _write(path: Path, rows: pl.DataFrame, metadata: dict[str, str]) -> Path:
    with written_copy(path) as temporary:
        rows.write_parquet(temporary, metadata=metadata)
    return path
