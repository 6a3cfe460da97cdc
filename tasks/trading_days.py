"""Trading days, from exchange_calendars: is the exchange open, until when, and how many trading days old is a score."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import NamedTuple

import exchange_calendars
import pandas as pd
import polars as pl
from exchange_calendars.errors import CalendarError

from tasks.errors import ConfigError, NotATradingDayError, UsageError


@cache
def _calendar(exchange: str) -> exchange_calendars.ExchangeCalendar:
    try:
        return exchange_calendars.get_calendar(exchange, start="2000-01-03")
    except CalendarError:
        msg = (
            f"exchange {exchange} is unknown: give its ISO 10383 code, such as XNYS, in BALLAST_EXCHANGE or as "
            "`exchange` of the portfolio"
        )
        raise ConfigError(msg) from None


class Close(NamedTuple):
    """When trading ends on a day, UTC, and whether that is earlier than on other days."""

    at: datetime
    is_early: bool


def is_trading_day(exchange: str, day: date) -> bool:
    """Say whether the exchange is open on the day. *Raises* `NotATradingDayError` outside of its calendar."""
    calendar = _calendar(exchange)
    if not calendar.first_session.date() <= day <= calendar.last_session.date():
        msg = (
            f"{day} is outside the calendar of {exchange}, {calendar.first_session.date()} to "
            f"{calendar.last_session.date()}: correct the day"
        )
        raise NotATradingDayError(msg)
    return bool(calendar.is_session(pd.Timestamp(day)))


def require_trading_day(exchange: str, day: date) -> None:
    """Hold the day against the calendar.

    *Raises* `NotATradingDayError` when the exchange is closed, with the trading days around it.
    """
    if not is_trading_day(exchange, day):
        msg = (
            f"{day} ({day:%A}) is not a trading day of {exchange}: the nearest are "
            f"{latest_trading_day(exchange, day)} and {next_trading_day(exchange, day)}"
        )
        raise NotATradingDayError(msg)


def latest_trading_day(exchange: str, day: date) -> date:
    """Give the day when it is a trading day, or else the last one before it."""
    latest: date = _calendar(exchange).date_to_session(pd.Timestamp(day), "previous").date()
    return latest


def next_trading_day(exchange: str, day: date) -> date:
    """Give the first trading day after `day`."""
    following: date = _calendar(exchange).date_to_session(pd.Timestamp(day + timedelta(days=1)), "next").date()
    return following


def close_of(exchange: str, day: date) -> Close:
    """Say when trading ends. *Requires* a trading day."""
    calendar, session = _calendar(exchange), pd.Timestamp(day)
    at: datetime = calendar.session_close(session).to_pydatetime()
    return Close(at.astimezone(UTC), is_early=session in calendar.early_closes)


def last_closed_day(exchange: str, now: datetime) -> date:
    """Give the last trading day that is over."""
    day = latest_trading_day(exchange, now.date())
    return day if close_of(exchange, day).at <= now else days_before(exchange, day, 1)


def trading_days(exchange: str, first: date, last: date) -> tuple[date, ...]:
    """Give the trading days from `first` to `last`, both included, in order."""
    sessions = _calendar(exchange).sessions_in_range(pd.Timestamp(first), pd.Timestamp(last))
    return tuple(session.date() for session in sessions)


def require_trading_days(exchange: str, first: date, last: date) -> tuple[date, ...]:
    """Give the trading days of a range. *Raises* `UsageError` when there is none."""
    days = trading_days(exchange, first, last)
    if not days:
        msg = f"there is no trading day of {exchange} from {first} to {last}: correct the range"
        raise UsageError(msg)
    return days


def days_before(exchange: str, day: date, count: int) -> date:
    """Give the trading day that lies `count` trading days before `day`."""
    before: date = _calendar(exchange).session_offset(pd.Timestamp(day), -count).date()
    return before


def score_ages(exchange: str, scored: pl.DataFrame) -> pl.DataFrame:
    """Give the age of each score in trading days: 0 on the day itself. *Requires* `day, score_date`, not after it.

    *Gives* `day, score_date, score_age_days`.
    """
    if scored.is_empty():
        return scored.with_columns(score_age_days=pl.lit(None, pl.Int32))
    sessions = pl.Series(trading_days(exchange, min(scored["score_date"]), max(scored["day"])), dtype=pl.Date)
    until_day, until_score = (sessions.search_sorted(scored[name], side="right") for name in ("day", "score_date"))
    ages = (until_day.cast(pl.Int32) - until_score.cast(pl.Int32)).alias("score_age_days")
    return scored.with_columns(ages)


def exchange_time_zone(exchange: str) -> str:
    """Give the name of the exchange's time zone, such as America/New_York."""
    return str(_calendar(exchange).tz)
