"""The calendar of an exchange, from exchange_calendars and from what a config says otherwise.

A calendar has a name: the code of its exchange, and behind it the days that differ from what exchange_calendars knows,
`XNYS -2025-01-09 +2025-06-14` (closed on the first, open on the second). A run records the name, so a replay counts the
same days. What does not belong here: what the days mean for a run (trading_calendar.py).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache

import exchange_calendars
import pandas as pd
from exchange_calendars.errors import CalendarError

from tasks.errors import ConfigError, NotATradingDayError

_EARLIEST = "2000-01-03"


def name_calendar(exchange: str, closed: Collection[date], opened: Collection[date]) -> str:
    """Name the calendar of an exchange that is closed or open on other days than exchange_calendars knows."""
    return " ".join([exchange, *(f"-{day}" for day in sorted({*closed})), *(f"+{day}" for day in sorted({*opened}))])


def exchange_of(calendar: str) -> str:
    """Give the code of the exchange from the name of a calendar."""
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
        way_out = "" if day < self.first else f", or {self.way_out}"
        msg = f"{day} is outside the calendar of {self.exchange}, {self.first} to {self.last}: correct the day{way_out}"
        raise NotATradingDayError(msg)

    @property
    def way_out(self) -> str:
        """Say what makes an ended calendar longer."""
        return (
            f"install a newer exchange_calendars, or list its sessions in the config, under calendar: {self.exchange}"
        )

    def __contains__(self, day: date) -> bool:
        """Say whether the exchange is open on the day; no, where that is not known."""
        place = bisect_left(self.days, day)
        return place < len(self.days) and self.days[place] == day

    def at_or_before(self, day: date) -> date | None:
        """Give the day when it is a trading day, or else the last one before it; None where that is not known."""
        place = bisect_right(self.days, day)
        return self.days[place - 1] if place and day <= self.last else None

    def after(self, day: date) -> date | None:
        """Give the first trading day after `day`; None where that is not known."""
        place = bisect_right(self.days, day)
        return self.days[place] if place < len(self.days) and day >= self.first else None

    def before(self, day: date, count: int) -> date:
        """Give the trading day that lies `count` trading days before `day`, or else the first that is known."""
        return self.days[max(bisect_left(self.days, day) - count, 0)]

    def between(self, first: date, last: date) -> tuple[date, ...]:
        """Give the trading days from `first` to `last`, both included."""
        return self.days[bisect_left(self.days, first) : bisect_right(self.days, last)]

    def close(self, day: date) -> datetime:
        """Give when trading ends on a trading day, UTC; on an exceptional one when it does on the day before it."""
        if (session := pd.Timestamp(day)) in self.source.sessions:
            return self._in_utc(self.source.session_close(session))
        regular = self.source.sessions.difference(self.source.early_closes)
        near = regular[max(regular.searchsorted(session) - 1, 0)]
        local = self.source.session_close(near).tz_convert(self.source.tz)
        return self._in_utc(pd.Timestamp(datetime.combine(day, local.time()), tz=self.source.tz))

    def closes_early(self, day: date) -> bool:
        """Say whether trading ends earlier than on other days."""
        return pd.Timestamp(day) in self.source.early_closes

    @staticmethod
    def _in_utc(moment: pd.Timestamp) -> datetime:
        at: datetime = moment.to_pydatetime()
        return at.astimezone(UTC)


@cache
def find_calendar(name: str) -> TradingDays:
    """Give the calendar of that name. *Raises* `ConfigError` for an exchange whose calendar cannot be had."""
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
