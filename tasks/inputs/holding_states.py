"""With which states of holdings a day starts: from which run they come, and what the day's holdings say of them.

The state before a day is that of the portfolio's last visible run before it, wherever its holdings come from. What does
not belong here: how a state moves (sizing/lifecycle/transition.py).
"""

from collections.abc import Collection
from typing import NamedTuple

import polars as pl

from sizing.frames.day_inputs import DayFrames
from sizing.frames.holding_states import DUST_WEIGHT, STATE_COLUMNS, count_days
from sizing.lifecycle.transition import correct_states
from sql.snapshot_reader import Reader
from tasks.trading_calendar import find_calendar

LIFECYCLE = "lifecycle"
"""Kind of the source of states: a run."""


class Counting(NamedTuple):
    """By which calendar days are counted, and below which weight a holding of a positions file counts as gone."""

    exchange: str
    dust_weight: float = DUST_WEIGHT

    @property
    def sessions(self) -> pl.Series:
        """The days on which the exchange is open."""
        return find_calendar(self.exchange).sessions


def sources_of_states(sources: pl.DataFrame) -> pl.DataFrame:
    """Return as sources of states the runs of `sources`: for each portfolio its last visible one before the day."""
    return sources.filter(pl.col("kind") == "targets").with_columns(kind=pl.lit(LIFECYCLE))


def read_states(warehouse: Reader, sources: pl.DataFrame, portfolio_ids: Collection[str]) -> pl.DataFrame:
    """Return what each day's runs left: `day` and the columns of a state."""
    of_runs = sources.filter(pl.col("kind") == LIFECYCLE, pl.col("portfolio_id").is_in(list(portfolio_ids)))
    key = ["run_id", "portfolio_id"]
    rows = warehouse.query("states_of_runs", run_ids=of_runs["run_id"].unique().sort().to_list())
    return (
        rows.join(of_runs.select("day", *key), on=key, maintain_order="left")
        .select("day", *STATE_COLUMNS)
        .cast(STATE_COLUMNS)  # type: ignore[arg-type]
    )


def files_of(sources: pl.DataFrame, portfolio_ids: Collection[str]) -> pl.DataFrame:
    """Return whose holdings come from positions, and of which day these are: `day, portfolio_id, file_date`."""
    is_file = (pl.col("kind") == "positions") & pl.col("portfolio_id").is_in(list(portfolio_ids))
    return sources.filter(is_file).select("day", "portfolio_id", file_date="as_of_date")


def start_from_states(frames: DayFrames, files: pl.DataFrame, counting: Counting) -> DayFrames:
    """Return the day with its states corrected by its holdings, and counted on it.

    *Requires* in `files` those of the day alone, and states under the names of the day.
    """
    corrected = correct_states(frames.states, frames.holdings, files, counting.dust_weight)
    return frames._replace(states=count_days(corrected, frames.as_of_date, counting.sessions))
