"""Days since the dates of a state: sessions s with start < s <= day."""

from datetime import date

import polars as pl
import pytest

from sizing.frames.holding_states import STATE_COLUMNS, STATES, States, count_days
from sizing.frames.schema import validate

JULY = [date(2025, 7, day) for day in (1, 2, 3, 7, 8, 9, 10, 11, 14, 15)]
"""Sessions of XNYS from 2025-07-01: Friday the 4th is a holiday."""


def counted(
    day: date, opened: date | None = None, term: date | None = None, closed: tuple[date, ...] = ()
) -> tuple[int | None, int | None, list[int]]:
    row = ("P", "a", True, True, opened, term, None, None, None, list(closed))
    sessions = pl.Series([one for one in JULY if one <= day], dtype=pl.Date)
    counts = count_days(pl.DataFrame([row], schema=STATE_COLUMNS, orient="row"), day, sessions)
    validate(States, counts, "counts")
    return counts.select("days_held", "days_in_term", "days_since_closes").row(0)


@pytest.mark.parametrize(("day", "days"), [(3, 0), (7, 1), (8, 2), (9, 3), (10, 4), (11, 5), (14, 6)], ids=str)
def test_days_are_sessions(day: int, days: int) -> None:
    """Example 7: closed Thursday 2025-07-03, with 5 days of cooldown shut from 7 to 11 July, open on Monday 14 July."""
    closed = date(2025, 7, 3)
    assert counted(date(2025, 7, day), closed, closed, (closed,)) == (days, days, [days])


def test_the_dates_of_a_state_are_counted_each() -> None:
    closed = (date(2025, 7, 10), date(2025, 7, 3), date(2025, 7, 1))
    assert counted(date(2025, 7, 14), date(2025, 7, 11), date(2025, 7, 14), closed) == (1, 0, [2, 6, 8])


def test_what_is_not_known_is_not_counted() -> None:
    assert counted(date(2025, 7, 14)) == (None, None, [])


@pytest.mark.parametrize("start", [4, 5, 6])
def test_a_start_that_is_no_session_counts_from_the_next(start: int) -> None:
    began = date(2025, 7, start)
    assert counted(date(2025, 7, 8), began, began, (began,)) == (2, 2, [2])


def test_a_day_that_is_no_session_counts_those_before() -> None:
    assert counted(date(2025, 7, 12), date(2025, 7, 10)) == (1, None, [])
    assert counted(date(2025, 7, 4), date(2025, 7, 4), closed=(date(2025, 7, 3),)) == (0, None, [0])


def test_no_state_has_no_counts() -> None:
    none = count_days(pl.DataFrame(schema=STATE_COLUMNS), date(2025, 7, 8), pl.Series([], dtype=pl.Date))
    assert none.schema == STATES.schema
    assert none.is_empty()


def test_rows_keep_their_order() -> None:
    rows = [(name, "a", True, True, None, None, None, None, None, []) for name in ("Q", "P")]
    states = pl.DataFrame(rows, schema=STATE_COLUMNS, orient="row")
    assert count_days(states, JULY[0], pl.Series(JULY[:1]))["portfolio_id"].to_list() == ["Q", "P"]
