"""What the commands that look at results have in common: one open snapshot, known names, days that are there."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import polars as pl

from flows.terminal.console import show_warehouse_warnings
from sizing.errors import BallastError
from sizing.text import first_of, listed
from sql.snapshot_reader import SnapshotReader, reading_snapshot
from tasks.config.settings import Settings
from tasks.errors import UsageError
from tasks.text import unknown


class NothingToShowError(BallastError):
    """The requested rows are not in the snapshot."""


@contextmanager
def open_snapshot(path: Path | None) -> Iterator[SnapshotReader]:
    """Open the snapshot at a path, or that of the settings."""
    show_warehouse_warnings()
    with reading_snapshot(Settings().at({"snapshot": path}).open_warehouse()) as reader:
        yield reader


def require_known_portfolios(reader: SnapshotReader, portfolios: Collection[str]) -> pl.DataFrame:
    """Return the row of `days_of_portfolios` of each of the portfolios, of all when none is named.

    *Raises* `UsageError` for one that was never published, with the nearest name; `NothingToShowError` when none was.
    """
    known = reader.query("days_of_portfolios")
    if known.is_empty():
        msg = "nothing is published yet: publish a day with `ballast run`; `ballast status` lists the attempts"
        raise NothingToShowError(msg)
    names = known["portfolio_id"].to_list()
    if unknown_names := [unknown(f"portfolio {name}", name, names) for name in portfolios if name not in names]:
        msg = f"{'; '.join(first_of(unknown_names))} (published: {listed(names)})"
        raise UsageError(msg)
    return known.filter(pl.col("portfolio_id").is_in(list(portfolios))) if portfolios else known


def name_days_around(reader: SnapshotReader, day: date) -> str:
    """Name the published days next to a day that is not published; there is one at least."""
    days = reader.query("visible_days")["as_of_date"]
    around = [str(one) for one in (days.filter(days < day).max(), days.filter(days > day).min()) if one]
    are = "day next to it is" if len(around) == 1 else "days next to it are"
    return f"the published {are} {' and '.join(around)}"
