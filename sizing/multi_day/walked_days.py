"""What each of many days starts from, found day by day: exact, and slower than a guess that nearly always is.

Under max_turnover who is held depends on how much was traded, and under the limits of the lifecycle on what happened
since: there a guess of one day spoils those after it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from sizing.frames.day_inputs import DayFrames, DayInputs
from sizing.lifecycle.transition import advance_states
from sizing.multi_day.followed_states import Corrections
from sizing.multi_day.next_day import NextDay
from sizing.multi_day.stacked_days import by_day, with_name
from sizing.pipeline import find_trade_rows
from sizing.trading.targets import holdings_of, trade_rows

_KEY = ["portfolio_id", "asset"]


class WalkedDays(NamedTuple):
    """The holdings and states with which each day starts; portfolios are `named` on their day."""

    holdings: pl.DataFrame
    states: pl.DataFrame


def walk_days(
    days: Sequence[DayFrames], given: pl.DataFrame, next_day: NextDay, corrections: Corrections | None
) -> WalkedDays:
    """Return what every day starts from, when each follows the one before it.

    *Requires* the holdings that are `given`, and the states of the first day. Without `corrections` states do not move.
    """
    given_on, carried, states = by_day(given), given.clear(), days[0].states
    left = states.clear()
    starts: list[pl.DataFrame] = []
    states_of: list[pl.DataFrame] = []
    for number, day in enumerate(days):
        held = pl.concat([given_on(day.as_of_date), by_day(carried)(day.as_of_date)]).sort(_KEY)
        if number and corrections:
            states = corrections.start(day.as_of_date, left, held)
        inputs = DayInputs(*day._replace(holdings=held, states=states))
        found = find_trade_rows(inputs)
        traded = trade_rows(found.rows, inputs.limits)
        if corrections:
            left = advance_states(states, found.decisions, traded, inputs.limits, pl.lit(day.as_of_date))
        starts.append(with_name(day.as_of_date, held))
        states_of.append(with_name(day.as_of_date, states))
        carried = next_day.starts(with_name(day.as_of_date, holdings_of(traded)))
    return WalkedDays(pl.concat(starts).sort(_KEY), pl.concat(states_of))
