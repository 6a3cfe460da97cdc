"""Trading days: is the exchange open, until when, and how many trading days old is a score.

A `calendar` is the name of one (calendars.py): the code of an exchange, where a config says nothing else.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple

import polars as pl

from tasks.calendars import exchange_of, find_calendar
from tasks.errors import NotATradingDayError, UsageError

_NOTICE_DAYS = 60
"""So many days before the end of a calendar it is told."""


class Close(NamedTuple):
    """When trading ends on a day, UTC, and whether that is earlier than on other days."""

    at: datetime
    is_early: bool


class CalendarEnd(NamedTuple):
    """A calendar that ends soon, or has ended: in words, and what to do."""

    exchange: str
    has_ended: bool
    words: str
    todo: str


def is_trading_day(calendar: str, day: date) -> bool:
    """Say whether the exchange is open on the day; no, where its calendar does not know the day."""
    return day in find_calendar(calendar)


def require_known_day(calendar: str, day: date) -> None:
    """Make sure that the calendar knows the day. *Raises* `NotATradingDayError` outside of it, with what to do."""
    find_calendar(calendar).require_within(day)


def require_trading_day(calendar: str, day: date) -> None:
    """Hold the day against the calendar.

    *Raises* `NotATradingDayError` when the exchange is closed, with the trading days around it, or outside of its days.
    """
    require_known_day(calendar, day)
    if not is_trading_day(calendar, day):
        days = find_calendar(calendar)
        near = [str(one) for one in (days.at_or_before(day), days.after(day)) if one]
        msg = f"{day} ({day:%A}) is not a trading day of {days.exchange}: the nearest are {' and '.join(near)}"
        raise NotATradingDayError(msg)


def next_trading_day(calendar: str, day: date) -> date | None:
    """Give the first trading day after `day`; None where the calendar does not know it."""
    return find_calendar(calendar).after(day)


def close_of(calendar: str, day: date) -> Close:
    """Say when trading ends. *Requires* a trading day."""
    days = find_calendar(calendar)
    return Close(days.close(day), is_early=days.closes_early(day))


def last_closed_day(calendar: str, now: datetime) -> date:
    """Give the last trading day that is over. *Raises* `NotATradingDayError` when the calendar has ended."""
    days = find_calendar(calendar)
    days.require_within(now.date())
    day = days.at_or_before(now.date()) or days.first
    return day if days.close(day) <= now else days.before(day, 1)


def trading_days(calendar: str, first: date, last: date) -> tuple[date, ...]:
    """Give the trading days from `first` to `last`, both included, in order.

    *Raises* `NotATradingDayError` for a range that the calendar does not know whole.
    """
    days = find_calendar(calendar)
    for day in (first, last):
        days.require_within(day)
    return days.between(first, last)


def require_trading_days(calendar: str, first: date, last: date) -> tuple[date, ...]:
    """Give the trading days of a range. *Raises* `UsageError` when there is none."""
    days = trading_days(calendar, first, last)
    if not days:
        msg = f"there is no trading day of {exchange_of(calendar)} from {first} to {last}: correct the range"
        raise UsageError(msg)
    return days


def days_before(calendar: str, day: date, count: int) -> date:
    """Give the trading day that lies `count` trading days before `day`, or else the first of the calendar."""
    return find_calendar(calendar).before(day, count)


def score_ages(calendar: str, scored: pl.DataFrame) -> pl.DataFrame:
    """Give the age of each score in trading days: 0 on the day itself. *Requires* `day, score_date`, not after it.

    *Gives* `day, score_date, score_age_days`.
    """
    if scored.is_empty():
        return scored.with_columns(score_age_days=pl.lit(None, pl.Int32))
    days = find_calendar(calendar).between(min(scored["score_date"]), max(scored["day"]))
    sessions = pl.Series(days, dtype=pl.Date)
    until_day, until_score = (sessions.search_sorted(scored[name], side="right") for name in ("day", "score_date"))
    ages = (until_day.cast(pl.Int32) - until_score.cast(pl.Int32)).alias("score_age_days")
    return scored.with_columns(ages)


def exchange_time_zone(calendar: str) -> str:
    """Give the name of the exchange's time zone, such as America/New_York."""
    return str(find_calendar(calendar).source.tz)


def calendar_ends(calendars: Iterable[str], today: date) -> tuple[CalendarEnd, ...]:
    """Say which calendars have ended, or end soon, and when; each once."""
    known = (find_calendar(one) for one in sorted({*calendars}))
    return tuple(
        CalendarEnd(days.exchange, left < 0, _say_end(days.exchange, days.last, left), days.way_out)
        for days in known
        if (left := (days.last - today).days) < _NOTICE_DAYS
    )


def _say_end(exchange: str, last: date, left: int) -> str:
    ends = f"ends on {last}, in {left} days" if left >= 0 else f"ended on {last}"
    return f"the calendar of {exchange} {ends}: no trading day after it is known"
