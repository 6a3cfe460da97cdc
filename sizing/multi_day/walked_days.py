"""What each of many days starts from, found day by day: exact, and slower than a guess that nearly always is.

Under max_turnover who is held depends on how much was traded, and under the limits of the lifecycle on what happened
since: there a guess of one day spoils those after it.
"""

from collections.abc import Sequence

import polars as pl

from sizing.frames.day_inputs import DayFrames, DayInputs
from sizing.lifecycle.transition import advance_states
from sizing.multi_day.day_starts import DayStarts
from sizing.multi_day.followed_states import Corrections, FollowedStates
from sizing.multi_day.next_day import NextDay
from sizing.multi_day.stacked_days import by_day, with_name
from sizing.pipeline import find_trade_rows
from sizing.trading.targets import holdings_of, trade_rows

_KEY = ["portfolio_id", "asset"]


def walk_days(
    days: Sequence[DayFrames], given: pl.DataFrame, next_day: NextDay, corrections: Corrections | None = None
) -> DayStarts:
    """Return with what every day starts; also with which states, where there are `corrections`: limits read them then.

    *Requires* the holdings that are `given`, the states of the first day, and frames that obey their schemas.
    Portfolios are `named` on their day.
    """
    given_on, carried, left = by_day(given), given.clear(), given.clear()
    holdings, state_starts, states_left = list[pl.DataFrame](), list[pl.DataFrame](), list[pl.DataFrame]()
    for number, day in enumerate(days):
        held = pl.concat([given_on(day.as_of_date), by_day(carried)(day.as_of_date)]).sort(_KEY)
        states = day.states
        if corrections and number:
            states = corrections.start(day.as_of_date, states_left[-1], held)
        decided, traded = _trade(day, held, states if corrections else states.clear())
        if corrections:
            state_starts.append(states)
            states_left.append(advance_states(states, decided, traded, day.limits, pl.lit(day.as_of_date)))
        holdings.append(with_name(day.as_of_date, held))
        left = holdings_of(traded)
        carried = next_day.starts(with_name(day.as_of_date, left))
    dates = [day.as_of_date for day in days]
    followed = FollowedStates.of(dates, state_starts, states_left) if corrections else None
    return DayStarts(pl.concat(holdings).sort(_KEY), left, followed)


def _trade(day: DayFrames, held: pl.DataFrame, states: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return what a day decides and trades when it starts from these holdings and states."""
    inputs = DayInputs.unvalidated(day._replace(holdings=held, states=states))
    found = find_trade_rows(inputs)
    return found.decisions, trade_rows(found.rows, inputs.limits)
