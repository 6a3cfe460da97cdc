"""The section `calendar` of portfolios.yaml: days on which an exchange is closed or open other than is known.

An exchange may close on short notice, and a calendar may end before a newer one is installed.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from tasks.config.field_descriptions import explain, shown
from tasks.config.yaml_file import Problem
from tasks.errors import ConfigError
from tasks.trading_calendar import TradingDays, exchange_of, find_calendar, name_calendar

SECTION = "calendar"
_MOST_PAST_END = timedelta(days=366)


def _from_text(value: object) -> object:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return value  # which is no day, as the type reports


_Days = Annotated[
    list[Annotated[date, Field(strict=True), BeforeValidator(_from_text)]],
    BeforeValidator(lambda days: [] if days is None else days),
]


class ExceptionalDays(BaseModel):
    """Days on which one exchange is closed, and others on which it is open."""

    model_config = ConfigDict(extra="forbid")

    closed: _Days = []
    open: _Days = []


def parse_calendars(section: object) -> tuple[dict[str, str], list[Problem], list[Problem]]:
    """Return the calendar of each exchange that the section names, its mistakes, and the days that change nothing."""
    calendars: dict[str, str] = {}
    problems: list[Problem] = []
    notes: list[Problem] = []
    if section is not None and not isinstance(section, dict):
        return {}, [Problem((SECTION,), f"expected a mapping from an exchange to its days, got {shown(section)}")], []
    for exchange, written in (section or {}).items():
        try:
            known = find_calendar(exchange_of(exchange))
            days = ExceptionalDays.model_validate(written)
        except ConfigError as error:
            problems.append(Problem((SECTION, exchange), f"{SECTION}: {error}"))
        except ValidationError as error:
            problems += _explain_all(exchange, written, error)
        else:
            found = list(_find_contradictions(known, days))
            problems += found
            notes += _find_needless(known, days)
            if not found:
                calendars[exchange] = name_calendar(exchange, days.closed, days.open)
    return calendars, problems, notes


def _explain_all(exchange: str, written: object, error: ValidationError) -> Iterator[Problem]:
    for one in error.errors():
        expected = f"expected closed and open, each a list of days, got {shown(written)}"
        words = explain(one, ExceptionalDays) if one["loc"] else expected
        yield Problem((SECTION, exchange, *one["loc"]), f"{SECTION}: {exchange}: {words}")


def _find_contradictions(known: TradingDays, days: ExceptionalDays) -> Iterator[Problem]:
    """Find days of both kinds, and open ones so far from the others that they must be typing errors."""
    first, last = known.first - _MOST_PAST_END, known.last + _MOST_PAST_END
    span = f"the calendar, {known.first} to {known.last}"
    for place, day in enumerate(days.open):
        keys, what = (SECTION, known.exchange, "open", place), f"{SECTION}: {known.exchange}: {day} is"
        if day in days.closed:
            yield Problem(keys, f"{what} closed and open: take it out of one list")
        if not first <= day <= last:
            yield Problem(keys, f"{what} more than a year outside {span}: correct the day")


def _find_needless(known: TradingDays, days: ExceptionalDays) -> Iterator[Problem]:
    """Find days that are closed or open without being listed: a newer calendar knows them, or they are mistyped."""
    for kind, listed in (("closed", days.closed), ("open", days.open)):
        for place, day in enumerate(listed):
            if (day in known) == (kind == "open"):
                what = f"{known.exchange}: {day} ({day:%A}) is {kind} already: correct the day, or take it out"
                yield Problem((SECTION, known.exchange, kind, place), f"{SECTION}: {what}")
