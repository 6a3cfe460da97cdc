"""What the page of a day is made from: the rows of named queries on the snapshot, of the runs that a reader sees.

What does not belong here: which of them are shown, and how (page_tables.py, page_charts.py).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import polars as pl

from sizing.wording import listed
from sql.reading import Reader
from tasks.config_file import unknown
from tasks.errors import UsageError
from tasks.pictures_page import PictureRows, read_picture_rows
from tasks.pictures_rows import past_weights

MOST_REFUSED = 200
"""Refused rows on a page, and as many assets without a score."""


@dataclass(frozen=True)
class DayRows:
    """The rows of a day. A name without comment is the query of the same name.

    `portfolios`: whose targets are shown, from which run. `days`: how the day and those after it went. `past`: as
    `past_weights` gives it. `missing` and `staying`: of a run of the day that is not visible.
    """

    day: date
    portfolios: pl.DataFrame
    days: pl.DataFrame
    runs: pl.DataFrame
    pictures: PictureRows
    past: pl.DataFrame
    summary: pl.DataFrame
    changes: pl.DataFrame
    sizing: pl.DataFrame
    checks: pl.DataFrame
    decisions: pl.DataFrame
    sources: pl.DataFrame
    refused_rows: pl.DataFrame
    refused_files: pl.DataFrame
    halts: pl.DataFrame
    missing: pl.DataFrame
    staying: pl.DataFrame


def read_day(reader: Reader, day: date, wanted: Collection[str] = ()) -> DayRows:
    """Read all that a page tells of the day, of every portfolio or of those wanted.

    Nothing happened on a day without `days`. *Raises* `UsageError` for a portfolio that the day does not have.
    """
    days = reader.query("report_days", day=day)
    portfolios = _wanted(reader.query("report_targets", day=day), day, wanted)
    run_ids = portfolios["run_id"].unique().sort().to_list()
    unpublished = reader.query("report_unpublished", day=day)["run_id"].to_list()
    of_day = _OfRuns(reader, portfolios, run_ids)
    run_id = next(iter(unpublished), "")
    pictures = of_day.pictures()
    past_runs = pictures.history["run_id"].unique().sort().to_list()
    return DayRows(
        day=day,
        portfolios=portfolios,
        days=days,
        runs=reader.query("report_runs", run_ids=[*run_ids, *unpublished]),
        pictures=pictures,
        past=past_weights(reader.query("targets_of_runs", run_ids=past_runs), pictures.history),
        summary=of_day.each("day_summary"),
        changes=of_day.each("picture_changes"),
        sizing=of_day.all("sizing_summary_of_runs"),
        checks=of_day.all("constraint_checks_of_runs"),
        decisions=of_day.all("decisions_of_runs"),
        sources=reader.query("report_sources", run_ids=[*run_ids, *unpublished]),
        refused_rows=reader.query("picture_refused_rows", as_of_date=day, most_rows=MOST_REFUSED),
        refused_files=reader.query("refusals_on_day", day=day),
        halts=reader.query("halts_in_force"),
        missing=reader.query("picture_missing_scores", run_id=run_id, most_rows=MOST_REFUSED),
        staying=reader.query("picture_staying_targets", run_id=run_id),
    )


@dataclass(frozen=True)
class _OfRuns:
    """Reads of each portfolio what its own run has: a run may cover portfolios that another one has published since."""

    reader: Reader
    portfolios: pl.DataFrame
    run_ids: list[str]

    def pictures(self) -> PictureRows:
        """Read the rows of the pictures of every run."""
        read = [PictureRows(*map(self._own(one), read_picture_rows(self.reader, one))) for one in self.run_ids or [""]]
        return PictureRows(*(pl.concat(frames) for frames in zip(*read, strict=True)))

    def each(self, name: str) -> pl.DataFrame:
        """Run a query of one run for every run."""
        return pl.concat(self._own(one)(self.reader.query(name, run_id=one)) for one in self.run_ids or [""])

    def all(self, name: str) -> pl.DataFrame:
        """Run a query of many runs once."""
        rows = self.reader.query(name, run_ids=self.run_ids)
        return rows.join(self.portfolios, on=["portfolio_id", "run_id"], how="semi")

    def _own(self, run_id: str) -> "_Kept":
        return _Kept(self.portfolios.filter(run_id=run_id).select("portfolio_id"))


@dataclass(frozen=True)
class _Kept:
    portfolios: pl.DataFrame

    def __call__(self, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.join(self.portfolios, on="portfolio_id", how="semi", maintain_order="left")


def _wanted(found: pl.DataFrame, day: date, wanted: Collection[str]) -> pl.DataFrame:
    known = found["portfolio_id"].to_list()
    if strangers := [unknown(f"portfolio {name}", name, known) for name in wanted if name not in known]:
        msg = f"{listed(strangers, '; ')}. On {day} targets are of: {listed(known) or 'none'}"
        raise UsageError(msg)
    return found.filter(pl.col("portfolio_id").is_in(list(wanted))) if wanted else found
