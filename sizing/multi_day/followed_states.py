"""The states of days that follow each other: trades move them after a day, holdings correct them before the next one.

Cheap beside the rules, and done day by day: a state is counted on its day.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple, Self

import polars as pl

from sizing.frames.day_inputs import DayFrames
from sizing.frames.holding_states import DUST_WEIGHT, count_days
from sizing.lifecycle.transition import advance_states, correct_states
from sizing.multi_day.stacked_days import by_day, named, with_name
from sizing.pipeline import Rebalance

_KEY = ["portfolio_id", "asset"]
_OF_DECISION = (*_KEY, "is_selected", "is_locked", "score_age_days", "grace_count")
_OF_TARGET = (*_KEY, "is_cash", "current_weight", "post_trade_weight")

NO_FILES = pl.DataFrame(schema={"day": pl.Date, "portfolio_id": pl.String, "file_date": pl.Date})
"""No portfolio has positions of its own."""


class Corrections(NamedTuple):
    """What corrects and counts states between days.

    `sessions`: on which the exchange is open. `files`: of which day the positions are that a portfolio starts from on a
    day. A holding of positions that weighs less than `dust_weight` is gone.
    """

    sessions: pl.Series
    files: Mapping[date, pl.DataFrame]
    dust_weight: float

    @classmethod
    def of(cls, sessions: pl.Series, files: pl.DataFrame = NO_FILES, dust_weight: float = DUST_WEIGHT) -> Self:
        """Take `files` as `day, portfolio_id, file_date`: portfolios that start from positions on a later day."""
        parts = files.partition_by("day", as_dict=True, include_key=False)
        return cls(sessions, {day: own for (day,), own in parts.items()}, dust_weight)

    @property
    def restarts(self) -> frozenset[str]:
        """The portfolios that start from positions, as `named` on their day."""
        return frozenset(named(day, name) for day, own in self.files.items() for name in own["portfolio_id"])

    def start(self, day: date, left: pl.DataFrame, holdings: pl.DataFrame) -> pl.DataFrame:
        """Return the states with which a day starts from its holdings; `left` are those after the day before it."""
        return count_days(correct_states(left, holdings, self.files_on(day), self.dust_weight), day, self.sessions)

    def agrees(self, other: "Corrections", days: Sequence[date]) -> bool:
        """Whether another corrects and counts the states of these days in the same way."""
        return (
            self.dust_weight == other.dust_weight
            and self.sessions.equals(other.sessions)
            and all(self.files_on(day).equals(other.files_on(day)) for day in days)
        )

    def files_on(self, day: date) -> pl.DataFrame:
        """Return the portfolios that start from positions on the day, and of which day these are."""
        return self.files.get(day, NO_FILES.drop("day"))


class FollowedStates(NamedTuple):
    """The states with which each day starts, and those that it leaves; portfolios are `named` on their day."""

    starts: pl.DataFrame
    left: pl.DataFrame

    @classmethod
    def of(cls, days: Sequence[date], starts: Sequence[pl.DataFrame], left: Sequence[pl.DataFrame]) -> Self:
        """Take the states of each day."""
        stacks = (pl.concat(map(with_name, days, frames)) for frames in (starts, left))
        return cls(*stacks)


def follow_states(
    days: Sequence[DayFrames], result: Rebalance, holdings: pl.DataFrame, corrections: Corrections
) -> FollowedStates:
    """Return the states of all days, when each has this result, and starts from the states that the last one left.

    *Requires* the states with which the first day starts, and of `result` and `holdings` portfolios `named` on their
    day.
    """
    decided = by_day(result.decisions.filter(pl.col("is_selected") | pl.col("is_held")).select(_OF_DECISION))
    targets, held = by_day(result.targets.select(_OF_TARGET)), by_day(holdings)
    states, starts, left = days[0].states, list[pl.DataFrame](), list[pl.DataFrame]()
    for number, day in enumerate(days):
        if number:
            states = corrections.start(day.as_of_date, left[-1], held(day.as_of_date))
        starts.append(states)
        of_day = decided(day.as_of_date), targets(day.as_of_date)
        left.append(advance_states(states, *of_day, day.limits, pl.lit(day.as_of_date)))
    return FollowedStates.of([day.as_of_date for day in days], starts, left)
