"""States, files and days of the lifecycle for tests. Every day is a session: day 0 is the first."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import polars as pl

from sizing import RebalancingLimits
from sizing.frames.holding_states import STATE_COLUMNS, count_days
from sizing.frames.schema import STORED_WEIGHT
from sizing.lifecycle.transition import advance_states, correct_states
from tests.sizing.days import holding_frame

FIRST_DAY = date(2025, 1, 1)
SESSIONS = pl.Series([FIRST_DAY + timedelta(days=number) for number in range(600)], dtype=pl.Date)
DUST = 0.0001

_FILES = {"portfolio_id": pl.String, "file_date": pl.Date}
_DECISIONS = {
    "portfolio_id": pl.String,
    "asset": pl.String,
    "is_selected": pl.Boolean,
    "is_locked": pl.Boolean,
    "score_age_days": pl.Int32,
    "grace_count": pl.Int32,
}
_TARGETS = {
    "portfolio_id": pl.String,
    "asset": pl.String,
    "is_cash": pl.Boolean,
    "current_weight": STORED_WEIGHT,
    "post_trade_weight": STORED_WEIGHT,
}


@dataclass(frozen=True)
class State:
    """A state with days as numbers; the most common one is a holding of portfolio P, opened by a run on day 0."""

    asset: str = "a"
    is_held: bool = True
    is_confirmed: bool = True
    opened: int | None = 0
    term: int | None = 0
    grace: int | None = None
    count: int | None = None
    entry_weight: str | None = None
    closed: tuple[int, ...] = ()
    portfolio_id: str = "P"


def gone(*closed: int, **changes: object) -> State:
    """A name that is not held, its clocks cleared."""
    return State(is_held=False, opened=None, term=None, closed=closed, **changes)


@dataclass(frozen=True)
class Traded:
    """What the day decided on an asset, and what its trades made of it."""

    before: str
    after: str
    count: int | None = None
    is_selected: bool = True
    is_locked: bool = False
    score_age: int | None = 0


def on(number: int) -> date:
    return FIRST_DAY + timedelta(days=number)


def state_frame(states: Iterable[State]) -> pl.DataFrame:
    rows = [
        (
            *(one.portfolio_id, one.asset, one.is_held, one.is_confirmed),
            *(None if number is None else on(number) for number in (one.opened, one.term, one.grace)),
            *(one.count, None if one.entry_weight is None else Decimal(one.entry_weight)),
            [on(number) for number in one.closed],
        )
        for one in states
    ]
    return pl.DataFrame(rows, schema=STATE_COLUMNS, orient="row")


def states_of(frame: pl.DataFrame) -> list[State]:
    """Return the states of a frame, in its order."""
    assert frame.schema == STATE_COLUMNS

    def number(day: date | None) -> int | None:
        return None if day is None else (day - FIRST_DAY).days

    return [
        State(
            asset=row["asset"],
            is_held=row["is_held"],
            is_confirmed=row["is_confirmed"],
            opened=number(row["opened_on"]),
            term=number(row["term_started_on"]),
            grace=number(row["grace_started_on"]),
            count=row["grace_count"],
            entry_weight=None if row["grace_entry_weight"] is None else f"{row['grace_entry_weight'].normalize():f}",
            closed=tuple((day - FIRST_DAY).days for day in row["closed_on"]),
            portfolio_id=row["portfolio_id"],
        )
        for row in frame.iter_rows(named=True)
    ]


def file_frame(days: Mapping[str, int]) -> pl.DataFrame:
    rows = [(portfolio_id, on(number)) for portfolio_id, number in days.items()]
    return pl.DataFrame(rows, schema=_FILES, orient="row")


def corrected(
    *states: State, held: Mapping[str | tuple[str, str], str], file_of: Mapping[str, int] | int | None
) -> list[State]:
    """Correct states by holdings; `file_of` is the day of the file of each portfolio, or of P."""
    files = file_of if isinstance(file_of, Mapping) else {} if file_of is None else {"P": file_of}
    return states_of(correct_states(state_frame(states), holding_frame(held), file_frame(files), DUST))


def advanced(
    *states: State,
    day: int,
    traded: Mapping[str | tuple[str, str], Traded],
    limits: Mapping[str, RebalancingLimits] | RebalancingLimits | None = None,
) -> list[State]:
    """Advance states by what was traded on a day, by asset of portfolio P or by portfolio and asset."""
    keyed = {key if isinstance(key, tuple) else ("P", key): one for key, one in traded.items()}
    by_portfolio = limits if isinstance(limits, Mapping) else {"P": limits or RebalancingLimits()}
    counted = count_days(state_frame(states), on(day), SESSIONS)
    decisions = [(*key, one.is_selected, one.is_locked, one.score_age, one.count) for key, one in keyed.items()]
    targets = [(*key, False, Decimal(one.before), Decimal(one.after)) for key, one in keyed.items()]
    cash = [(portfolio_id, "CASH", True, Decimal(0), Decimal(1)) for portfolio_id in by_portfolio]
    after = advance_states(
        counted,
        pl.DataFrame(decisions, schema=_DECISIONS, orient="row"),
        pl.DataFrame([*targets, *cash], schema=_TARGETS, orient="row"),
        by_portfolio,
        pl.lit(on(day)),
    )
    return states_of(after)
