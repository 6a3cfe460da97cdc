"""What became of the days of a command, as rows for a program: one a run, and one for a day that an error ended."""

from datetime import date, datetime

import polars as pl

from flows.terminal.output import give
from flows.terminal.parameters import Form
from tasks.config.settings import Settings

_ROW = pl.Schema(
    {
        "as_of_date": pl.Date(),
        "run_id": pl.String(),
        "portfolio_ids": pl.List(pl.String),
        "state": pl.String(),
        "message": pl.String(),
    }
)
_ENDED = ("failed", "rejected")


def give_fates(
    settings: Settings, form: Form, since: datetime, days: tuple[date, date], failed: tuple[date, str] | None = None
) -> None:
    """Write what became since then of each run from the first to the last of `days`.

    `failed` is the day that an error ended, and the error in words: it has a row of its own where no run tells of it.
    """
    fates = pl.DataFrame(schema=_ROW)
    if settings.warehouse.exists():
        fates = settings.open_warehouse().query("fates_since", since=since, first=days[0], last=days[1])
    if failed:
        day, message = failed
        is_told = (pl.col("as_of_date") == day) & pl.col("state").is_in(_ENDED)
        if fates.filter(is_told).is_empty():
            fates = pl.concat([fates, pl.DataFrame([(day, None, [], "failed", message)], _ROW, orient="row")])
    give(fates, form)
