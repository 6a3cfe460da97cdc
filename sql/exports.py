"""The day's targets as Parquet, for readers that open no database: each file whole or as it was."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl

from sql.errors import WarehouseError
from sql.files import written_beside
from sql.statements import Connection, query


def export_days(con: Connection, folder: Path, days: Sequence[date]) -> tuple[Path, ...]:
    """Write the visible targets of each day to as_of_date=<day>/targets.parquet; a day without any has no file."""
    targets = query(con, "targets_of_days", days=list(days))
    return tuple(
        _write(folder / f"as_of_date={day.isoformat()}" / "targets.parquet", rows)
        for (day,), rows in targets.partition_by("as_of_date", as_dict=True, maintain_order=True).items()
    )


def _write(path: Path, rows: pl.DataFrame) -> Path:
    try:
        with written_beside(path) as temporary:
            rows.write_parquet(temporary)
    except OSError as error:
        msg = f"{path} cannot be written: {error}. What is published stays: correct the path and run the day again"
        raise WarehouseError(msg) from error
    return path
