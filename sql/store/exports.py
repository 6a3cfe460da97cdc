"""The day's targets and orders as Parquet, for readers that open no database: each file whole or as it was."""

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import NamedTuple

import polars as pl
from polars.io.plugins import register_io_source

from sql.engine.copied_files import written_copy
from sql.engine.owners import METADATA_KEY, warehouse_id
from sql.engine.statements import Connection, query
from sql.errors import WarehouseError
from sql.files.atomic_files import sweep
from sql.records import ExportChanges

_DAYS_AT_ONCE = 64
_WRITERS = 8
_PORTFOLIOS_AT_ONCE = 20_000
"""Portfolios of a day whose targets are read together."""


def export_days(con: Connection, folder: Path, days: Sequence[date]) -> tuple[Path, ...]:
    """Write the visible targets of each day to as_of_date=<day>/targets.parquet, its orders to orders.parquet beside.

    A day without any has no such file. *Returns* the files of targets.
    """
    sweep(folder, "as_of_date=*/*")
    metadata = {METADATA_KEY: warehouse_id(con) or ""}

    def write(one: _Day) -> Path:
        path = _orders_path(folder, one.day)
        if not one.orders.is_empty():
            _write(path, one.orders, metadata)
        elif path.exists():
            _unlink(path)
        return _write(_path(folder, one.day), one.targets, metadata)

    written: list[Path] = []
    # Most of the time is waiting for the disk, so files are written side by side.
    with ThreadPoolExecutor(_WRITERS) as pool:
        for first in range(0, len(days), _DAYS_AT_ONCE):
            some = days[first : first + _DAYS_AT_ONCE]
            large = _large_days(con, some)
            written += pool.map(write, _days(con, [day for day in some if day not in large]))
            written += [write(_large_day(con, day, names)) for day, names in large.items()]
    return tuple(sorted(written))


def find_unlike(con: Connection, folder: Path) -> ExportChanges:
    """Find the days whose export is missing or other than what is visible, and those of which nothing is visible."""
    visible = _visible_days(con)
    unlike = tuple(one.day for one in _days(con, visible) if not _is_exported(folder, one))
    return ExportChanges(unlike, tuple(sorted(_exported_days(folder) - set(visible))))


def match_exports(con: Connection, folder: Path, aside: Path) -> ExportChanges:
    """Write and remove exports until they are what is visible. Those that were other are kept in `aside`."""
    unlike = find_unlike(con, folder)
    for day in sorted({*unlike.written, *unlike.removed} & _exported_days(folder)):
        for path in filter(Path.exists, (_path(folder, day), _orders_path(folder, day))):
            _keep(path, aside)
    export_days(con, folder, unlike.written)
    for day in unlike.removed:
        _remove(_path(folder, day), _orders_path(folder, day))
    return unlike


def _path(folder: Path, day: date) -> Path:
    return folder / f"as_of_date={day.isoformat()}" / "targets.parquet"


def _orders_path(folder: Path, day: date) -> Path:
    return _path(folder, day).with_name("orders.parquet")


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


class _Day(NamedTuple):
    """What is visible of a day: targets, and orders, which may be none."""

    day: date
    targets: pl.DataFrame | pl.LazyFrame
    orders: pl.DataFrame


def _large_days(con: Connection, days: Sequence[date]) -> dict[date, pl.Series]:
    """Return the portfolios of each day that has too many to be read at once."""
    visible = query(con, "visible_on_days", days=list(days)).partition_by("as_of_date", as_dict=True)
    return {day: rows["portfolio_id"] for (day,), rows in visible.items() if rows.height > _PORTFOLIOS_AT_ONCE}


def _large_day(con: Connection, day: date, names: pl.Series) -> _Day:
    """Return a day whose targets are read piece by piece as they are written. *Requires* names in order."""

    def parts(*_: object) -> Iterator[pl.DataFrame]:
        for first in range(0, len(names), _PORTFOLIOS_AT_ONCE):
            some = names[first : first + _PORTFOLIOS_AT_ONCE]
            yield query(con, "targets_of_days", days=[day], first=some[0], last=some[-1])

    schema = query(con, "targets_of_days", days=[], first=None, last=None).schema
    return _Day(day, register_io_source(parts, schema=schema), query(con, "orders_of_days", days=[day]))


def _days(con: Connection, days: Sequence[date]) -> Iterator[_Day]:
    """Read what is visible of the days, a bounded number of days at a time."""
    for first in range(0, len(days), _DAYS_AT_ONCE):
        some = list(days[first : first + _DAYS_AT_ONCE])
        orders = query(con, "orders_of_days", days=some)
        ordered = orders.partition_by("as_of_date", as_dict=True, maintain_order=True)
        targets = query(con, "targets_of_days", days=some, first=None, last=None)
        for (day,), rows in targets.partition_by("as_of_date", as_dict=True, maintain_order=True).items():
            yield _Day(day, rows, ordered.get((day,), orders.clear()))


def _is_exported(folder: Path, one: _Day) -> bool:
    path = _orders_path(folder, one.day)
    has_orders = not path.exists() if one.orders.is_empty() else _holds(path, one.orders)
    return has_orders and _holds(_path(folder, one.day), one.targets.lazy().collect())


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


def _remove(*paths: Path) -> None:
    for path in paths:
        _unlink(path)
    with suppress(OSError):  # a folder that holds anything else stays
        paths[0].parent.rmdir()


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        msg = f"{path} cannot be removed: {error}. Correct the cause and run `ballast db snapshot`"
        raise WarehouseError(msg) from error


def _write(path: Path, rows: pl.DataFrame | pl.LazyFrame, metadata: dict[str, str]) -> Path:
    with written_copy(path) as temporary:
        if isinstance(rows, pl.LazyFrame):
            rows.sink_parquet(temporary, metadata=metadata)
        else:
            rows.write_parquet(temporary, metadata=metadata)
    return path
