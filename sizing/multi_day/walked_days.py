"""What each of many days starts from, found day by day: exact, and slower than a guess that nearly always is.

Under max_turnover who is held depends on how much was traded, and under the limits of the lifecycle on what happened
since: there a guess of one day spoils those after it.
"""

from collections.abc import Sequence

import polars as pl

from sizing.frames.day_inputs import DayFrames, DayInputs
from sizing.lifecycle.transition import advance_states
from sizing.multi_day.followed_states import Corrections, FollowedStates
from sizing.multi_day.next_day import NextDay
from sizing.multi_day.stacked_days import by_day, with_name
from sizing.pipeline import find_trade_rows
from sizing.trading.targets import holdings_of, trade_rows

_KEY = ["portfolio_id", "asset"]


def walk_days(days: Sequence[DayFrames], given: pl.DataFrame, next_day: NextDay) -> pl.DataFrame:
    """Return the holdings with which every day starts, when no limit reads states.

    *Requires* the holdings that are `given`, and frames that obey their schemas. Portfolios are `named` on their day.
    """
    given_on, carried, starts = by_day(given), given.clear(), list[pl.DataFrame]()
    for day in days:
        held = pl.concat([given_on(day.as_of_date), by_day(carried)(day.as_of_date)]).sort(_KEY)
        _, traded = _trade(day, held, day.states.clear())
        starts.append(with_name(day.as_of_date, held))
        carried = next_day.starts(with_name(day.as_of_date, holdings_of(traded)))
    return pl.concat(starts).sort(_KEY)


def walk_states(
    days: Sequence[DayFrames], given: pl.DataFrame, next_day: NextDay, corrections: Corrections
) -> tuple[pl.DataFrame, FollowedStates]:
    """Do as `walk_days`, and return also the states, which limits read. *Requires* also those of the first day."""
    given_on, carried = by_day(given), given.clear()
    starts, state_starts, left = list[pl.DataFrame](), list[pl.DataFrame](), list[pl.DataFrame]()
    for number, day in enumerate(days):
        held = pl.concat([given_on(day.as_of_date), by_day(carried)(day.as_of_date)]).sort(_KEY)
        states = corrections.start(day.as_of_date, left[-1], held) if number else day.states
        decided, traded = _trade(day, held, states)
        state_starts.append(states)
        left.append(advance_states(states, decided, traded, day.limits, pl.lit(day.as_of_date)))
        starts.append(with_name(day.as_of_date, held))
        carried = next_day.starts(with_name(day.as_of_date, holdings_of(traded)))
    followed = FollowedStates.of([day.as_of_date for day in days], state_starts, left)
    return pl.concat(starts).sort(_KEY), followed


def _trade(day: DayFrames, held: pl.DataFrame, states: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return what a day decides and trades when it starts from these holdings and states."""
    inputs = DayInputs.unvalidated(day._replace(holdings=held, states=states))
    found = find_trade_rows(inputs)
    return found.decisions, trade_rows(found.rows, inputs.limits)
