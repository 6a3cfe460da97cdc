"""Trading days: whether an exchange is open, until when, and how many trading days old a score is.

The days are those of exchange_calendars and what a config says otherwise. A calendar has a name: the code of its
exchange, and behind it the days that differ from what exchange_calendars knows, `XNYS -2025-01-09 +2025-06-14` (closed
on the first, open on the second). A run records the name, so a replay counts the same days.

>>> from datetime import date
>>> nyse = find_calendar("XNYS")
>>> date(2024, 12, 25) in nyse
False
>>> nyse.after(date(2024, 12, 24))
datetime.date(2024, 12, 26)
>>> nyse.before(date(2024, 12, 2), 3)
datetime.date(2024, 11, 26)
>>> date(2024, 12, 26) in find_calendar(name_calendar("XNYS", closed=[date(2024, 12, 26)], opened=[]))
False
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache, cached_property
from typing import NamedTuple
from zoneinfo import ZoneInfo

import exchange_calendars
import pandas as pd
import polars as pl
from exchange_calendars.errors import CalendarError

from tasks.errors import ConfigError, NotATradingDayError

_EARLIEST = "2000-01-03"
_NOTICE_DAYS = 60
"""So many days before the end of a calendar a warning begins."""


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


def name_calendar(exchange: str, closed: Collection[date], opened: Collection[date]) -> str:
    """Name the calendar of an exchange that is closed or open on other days than exchange_calendars knows."""
    return " ".join([exchange, *(f"-{day}" for day in sorted({*closed})), *(f"+{day}" for day in sorted({*opened}))])


def exchange_of(calendar: str) -> str:
    """Return the code of the exchange from the name of a calendar."""
    return calendar.partition(" ")[0]


@dataclass(frozen=True)
class TradingDays:
    """The trading days of an exchange, in order. Nothing is known of a day before `first` or after `last`."""

    exchange: str
    days: tuple[date, ...]
    first: date
    last: date
    source: exchange_calendars.ExchangeCalendar

    def require_within(self, day: date) -> None:
        """Make sure that the calendar knows the day. *Raises* `NotATradingDayError` with what to do."""
        if self.first <= day <= self.last:
            return
        fix = "" if day < self.first else f", or {self.fix}"
        msg = f"{day} is outside the calendar of {self.exchange}, {self.first} to {self.last}: correct the day{fix}"
        raise NotATradingDayError(msg)

    def require_open(self, day: date) -> None:
        """Make sure that the exchange is open on the day.

        *Raises* `NotATradingDayError` with the trading days around it, or for a day outside the calendar.
        """
        self.require_within(day)
        if day not in self:
            near = [str(one) for one in (self.at_or_before(day), self.after(day)) if one]
            msg = f"{day} ({day:%A}) is not a trading day of {self.exchange}: the nearest are {' and '.join(near)}"
            raise NotATradingDayError(msg)

    @property
    def fix(self) -> str:
        """What makes an ended calendar longer."""
        return (
            f"install a newer exchange_calendars, or list its sessions in the config, under calendar: {self.exchange}"
        )

    @property
    def time_zone(self) -> ZoneInfo:
        """The time zone of the exchange."""
        return ZoneInfo(str(self.source.tz))

    @cached_property
    def sessions(self) -> pl.Series:
        """The trading days as a column."""
        return pl.Series("session", self.days, dtype=pl.Date)

    def __contains__(self, day: date) -> bool:
        """Return whether the exchange is open on the day; no, where that is not known."""
        place = bisect_left(self.days, day)
        return place < len(self.days) and self.days[place] == day

    def at_or_before(self, day: date) -> date | None:
        """Return the day when it is a trading day, or else the last one before it; None where that is not known."""
        place = bisect_right(self.days, day)
        return self.days[place - 1] if place and day <= self.last else None

    def after(self, day: date) -> date | None:
        """Return the first trading day after `day`; None where that is not known."""
        place = bisect_right(self.days, day)
        return self.days[place] if place < len(self.days) and day >= self.first else None

    def before(self, day: date, count: int) -> date:
        """Return the trading day that lies `count` trading days before `day`, or else the first that is known."""
        return self.days[max(bisect_left(self.days, day) - count, 0)]

    def until(self, day: date, count: int) -> tuple[date, ...]:
        """Return the newest `count` trading days up to `day`, in order, or as many as are known."""
        end = bisect_right(self.days, day)
        return self.days[max(end - count, 0) : end]

    def between(self, first: date, last: date) -> tuple[date, ...]:
        """Return the trading days from `first` to `last`, both included, in order.

        *Raises* `NotATradingDayError` for a range that the calendar does not know whole.
        """
        self.require_within(first)
        self.require_within(last)
        return self.days[bisect_left(self.days, first) : bisect_right(self.days, last)]

    def last_closed(self, now: datetime) -> date:
        """Return the last trading day that is over. *Raises* `NotATradingDayError` when the calendar has ended."""
        self.require_within(now.date())
        day = self.at_or_before(now.date()) or self.first
        return day if self.close(day).at <= now else self.before(day, 1)

    def close(self, day: date) -> Close:
        """Return when trading ends on a trading day; on one that a config opens, when it does on the day before it."""
        if (session := pd.Timestamp(day)) in self.source.sessions:
            return Close(_in_utc(self.source.session_close(session)), session in self.source.early_closes)
        regular = self.source.sessions.difference(self.source.early_closes)
        near = regular[max(regular.searchsorted(session) - 1, 0)]
        local = self.source.session_close(near).tz_convert(self.source.tz)
        at = pd.Timestamp(datetime.combine(day, local.time()), tz=self.source.tz)
        return Close(_in_utc(at), is_early=False)


@cache
def find_calendar(name: str) -> TradingDays:
    """Return the calendar of that name. *Raises* `ConfigError` for an exchange whose calendar cannot be had."""
    exchange, *exceptions = name.split()
    source = _source(exchange)
    days = {session.date() for session in source.sessions}
    days -= {date.fromisoformat(one[1:]) for one in exceptions if one.startswith("-")}
    opened = {date.fromisoformat(one[1:]) for one in exceptions if one.startswith("+")}
    first, last = source.first_session.date(), source.default_end().date()
    return TradingDays(exchange, tuple(sorted(days | opened)), min({first} | opened), max({last} | opened), source)


def _source(exchange: str) -> exchange_calendars.ExchangeCalendar:
    try:
        return _read(exchange)
    except CalendarError:
        msg = (
            f"exchange {exchange} is unknown: give its ISO 10383 code, such as XNYS, in BALLAST_EXCHANGE or as "
            "`exchange` of the portfolio"
        )
        raise ConfigError(msg) from None
    except (ValueError, NotImplementedError) as error:
        msg = (
            f"the calendar of exchange {exchange} cannot be made ({str(error).partition('[')[0].strip()}): give "
            "another exchange, or install a newer exchange_calendars"
        )
        raise ConfigError(msg) from None


def _read(exchange: str) -> exchange_calendars.ExchangeCalendar:
    try:
        return exchange_calendars.get_calendar(exchange, start=_EARLIEST)
    except ValueError:  # it begins later
        return exchange_calendars.get_calendar(exchange)


def _in_utc(moment: pd.Timestamp) -> datetime:
    at: datetime = moment.to_pydatetime()
    return at.astimezone(UTC)


def score_ages(calendar: str, scored: pl.DataFrame) -> pl.DataFrame:
    """Return the age of each score in trading days, 0 on the day itself. *Requires* `day, score_date`, not after it.

    *Returns* `day, score_date, score_age_days`.
    """
    sessions = find_calendar(calendar).sessions
    until_day, until_score = (sessions.search_sorted(scored[name], side="right") for name in ("day", "score_date"))
    ages = (until_day.cast(pl.Int32) - until_score.cast(pl.Int32)).alias("score_age_days")
    return scored.with_columns(ages)


def calendar_ends(calendars: Iterable[str], today: date) -> tuple[CalendarEnd, ...]:
    """Return the calendars that have ended, or end soon, and when; each once."""
    known = (find_calendar(one) for one in sorted({*calendars}))
    return tuple(
        CalendarEnd(days.exchange, left < 0, _describe_end(days.exchange, days.last, left), days.fix)
        for days in known
        if (left := (days.last - today).days) < _NOTICE_DAYS
    )


def _describe_end(exchange: str, last: date, left: int) -> str:
    ends = f"ends on {last}, in {left} days" if left >= 0 else f"ended on {last}"
    return f"the calendar of {exchange} {ends}: no trading day after it is known"
