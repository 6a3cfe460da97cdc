"""The run results of a command, as rows for a program: one a run, and one for a day that an error ended."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

import polars as pl

from flows.terminal.output import write_rows
from flows.terminal.parameters import OutputFormat
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


class Failure(NamedTuple):
    """What an error ended: the day, the portfolios as far as it is known, and the error in words."""

    day: date
    portfolio_ids: tuple[str, ...]
    message: str


def write_run_results(
    settings: Settings, form: OutputFormat, since: datetime, days: tuple[date, date], failures: Sequence[Failure] = ()
) -> None:
    """Write the results since then of each run from the first to the last of `days`.

    Each of the failures has a row of its own where no run records it.
    """
    results = pl.DataFrame(schema=_ROW)
    if settings.open_warehouse().exists():
        results = settings.open_warehouse().query("run_results_since", since=since, first=days[0], last=days[1])
    ended = results.filter(pl.col("state").is_in(_ENDED))
    reported = {(row["as_of_date"], tuple(row["portfolio_ids"])) for row in ended.iter_rows(named=True)}
    reported |= {(day, ()) for day, _ in reported}
    rows = [(day, None, ids, "failed", message) for day, ids, message in failures if (day, ids) not in reported]
    results = pl.concat([results, pl.DataFrame(rows, _ROW, orient="row")])
    write_rows(results, form)
