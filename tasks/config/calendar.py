"""The section `calendar` of portfolios.yaml: days on which an exchange is closed or open other than is known.

An exchange may close on short notice, and a calendar may end before a newer one is installed.
"""

from collections.abc import Mapping
from datetime import date, timedelta

from tasks.calendars import TradingDays, exchange_of, find_calendar, name_calendar
from tasks.config.field_descriptions import shown
from tasks.config.yaml_file import Problem, unknown
from tasks.errors import ConfigError

SECTION = "calendar"
_KINDS = ("closed", "open")
_MOST_PAST_END = timedelta(days=366)


def parse_calendars(section: object) -> tuple[dict[str, str], list[Problem], list[Problem]]:
    """Give the calendar of each exchange that the section names, its mistakes, and what is in it to no purpose."""
    calendars: dict[str, str] = {}
    problems: list[Problem] = []
    notes: list[Problem] = []
    if section is not None and not isinstance(section, dict):
        return {}, [Problem((SECTION,), f"expected a mapping from an exchange to its days, got {shown(section)}")], []
    for exchange, said in (section or {}).items():
        try:
            known = find_calendar(exchange_of(exchange))
        except ConfigError as error:
            problems.append(Problem((SECTION, exchange), f"{SECTION}: {error}"))
            continue
        days, found = _parse_days(exchange, said)
        found += [*_contradictions(known, days)]
        notes += _needless(known, days)
        problems += found
        if not found:
            closed, opened = ([*days[kind].values()] for kind in _KINDS)
            calendars[exchange] = name_calendar(exchange, closed, opened)
    return calendars, problems, notes


_Days = Mapping[str, Mapping[int, date]]
"""The days of each kind, by their places in its list."""


def _parse_days(exchange: str, said: object) -> tuple[_Days, list[Problem]]:
    keys = (SECTION, exchange)
    days: dict[str, dict[int, date]] = {kind: {} for kind in _KINDS}
    if not isinstance(said, dict):
        expected = f"expected {' and '.join(_KINDS)}, each a list of days"
        return days, [Problem(keys, f"{SECTION}: {exchange}: {expected}, got {shown(said)}")]
    problems = [
        Problem((*keys, kind), f"{SECTION}: {exchange}: {unknown(str(kind), kind, _KINDS)}")
        for kind in said
        if kind not in _KINDS
    ]
    for kind in _KINDS:
        listed = said.get(kind) or []
        if not isinstance(listed, list):
            problems.append(Problem((*keys, kind), f"{SECTION}: {exchange}: {kind}: expected a list of days"))
            continue
        for place, one in enumerate(listed):
            if (day := _as_day(one)) is None:
                expected = f"{kind}: expected a day like 2024-12-02, got {shown(one)}"
                problems.append(Problem((*keys, kind, place), f"{SECTION}: {exchange}: {expected}"))
            else:
                days[kind][place] = day
    return days, problems


def _as_day(said: object) -> date | None:
    if isinstance(said, date):
        return said
    try:
        return date.fromisoformat(str(said)) if isinstance(said, str) else None
    except ValueError:
        return None


def _contradictions(known: TradingDays, days: _Days) -> list[Problem]:
    """Find days of both kinds, and open ones so far from the others that they must be typing errors."""
    keys, first, last = (SECTION, known.exchange, "open"), known.first - _MOST_PAST_END, known.last + _MOST_PAST_END
    both = {*days["closed"].values()} & {*days["open"].values()}
    return [
        *(
            Problem((*keys, place), f"{SECTION}: {known.exchange}: {day} is closed and open: take it out of one list")
            for place, day in days["open"].items()
            if day in both
        ),
        *(
            Problem(
                (*keys, place),
                f"{SECTION}: {known.exchange}: {day} is more than a year outside the calendar, {known.first} to "
                f"{known.last}: correct the day",
            )
            for place, day in days["open"].items()
            if not first <= day <= last
        ),
    ]


def _needless(known: TradingDays, days: _Days) -> list[Problem]:
    """Find days that are closed or open without being listed: a newer calendar knows them, or they are mistyped."""
    return [
        Problem(
            (SECTION, known.exchange, kind, place),
            f"{SECTION}: {known.exchange}: {day} ({day:%A}) is {kind} already: correct the day, or take it out",
        )
        for kind in _KINDS
        for place, day in days[kind].items()
        if (day in known) == (kind == "open")
    ]
