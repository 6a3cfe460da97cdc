"""What each of many days starts from, as far as it is found: exact, or a guess that is yet to be verified."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple, Self

import polars as pl

from sizing.frames.day_inputs import DayFrames
from sizing.multi_day.followed_states import Corrections, FollowedStates
from sizing.multi_day.next_day import NextDay
from sizing.multi_day.stacked_days import by_day, named, with_name

_KEY = ["portfolio_id", "asset"]


class DayStarts(NamedTuple):
    """The `holdings` with which each day starts, and the `states` where limits read them; portfolios are `named`.

    `left` is what the last day leaves, under the names that portfolios have on it.
    """

    holdings: pl.DataFrame
    left: pl.DataFrame
    states: FollowedStates | None = None

    def start_as(self, first: DayFrames) -> bool:
        """Whether the first day starts from these holdings, and from these states where limits read them."""
        is_held = by_day(self.holdings)(first.as_of_date).equals(first.holdings.sort(_KEY))
        return is_held and (not self.states or by_day(self.states.starts)(first.as_of_date).equals(first.states))


class DayEnd(NamedTuple):
    """What a day leaves for the next: its book, and the states of holdings; null where no limit reads them."""

    day: date
    holdings: pl.DataFrame
    states: pl.DataFrame | None

    @classmethod
    def of(cls, days: Sequence[DayFrames], starts: DayStarts) -> Self:
        """Return what the last of the days leaves, when they start so."""
        last = days[-1].as_of_date
        return cls(last, starts.left, by_day(starts.states.left)(last) if starts.states else None)

    def begin(self, day: DayFrames, corrections: Corrections, growth: pl.DataFrame) -> DayFrames:
        """Return the next day as it starts from this one; `corrections` and `growth` as `DayChain.of` takes them."""
        limits = {named(day.as_of_date, name): one for name, one in day.limits.items()}
        fixed = corrections.restarts & limits.keys()
        next_day = NextDay.of([self.day, day.as_of_date], limits, fixed, growth)
        carried = by_day(next_day.starts(with_name(self.day, self.holdings)))(day.as_of_date)
        given = with_name(day.as_of_date, day.holdings).filter(pl.col("portfolio_id").is_in(list(fixed)))
        held = pl.concat([by_day(given)(day.as_of_date), carried]).sort(_KEY)
        states = day.states if self.states is None else corrections.start(day.as_of_date, self.states, held)
        return day._replace(holdings=held, states=states)
