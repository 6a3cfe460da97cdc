"""Calendars that begin late or end, and exceptional days that a config lists."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import exchange_calendars
import pandas as pd
import polars as pl
import pytest
from exchange_calendars.exchange_calendar_xbom import XBOMExchangeCalendar
from hypothesis import given
from hypothesis import strategies as st

from sizing import RebalancingLimits
from tasks.config.portfolios import PortfolioSettings, read_config
from tasks.errors import ConfigError, NotATradingDayError
from tasks.inputs.portfolio_groups import closed_portfolios, days_of_groups, group_portfolios, unknown_days
from tasks.operations.watchdog import find_due
from tasks.trading_calendar import calendar_ends, find_calendar, name_calendar, score_ages

NOW = datetime.now(UTC)
TODAY = NOW.date()
THEN = date(2025, 6, 2)
ENDED, ENDING, LATE = "XEND", "XSOON", "XSAU"
N_DAYS = {ENDED: -30, ENDING: 20}
NO_FUNERAL, SATURDAY = date(2025, 1, 9), date(2025, 6, 14)


@pytest.fixture(autouse=True, scope="module")
def calendars() -> Iterator[None]:
    """Let one calendar end thirty days ago, and one in twenty days."""
    for name, n_days in N_DAYS.items():
        bound = classmethod(lambda _, end=TODAY + timedelta(days=n_days): pd.Timestamp(end))
        exchange_calendars.register_calendar_type(name, type(name, (XBOMExchangeCalendar,), {"bound_max": bound}))
    yield
    for name in N_DAYS:
        exchange_calendars.deregister_calendar(name)
    find_calendar.cache_clear()


def config(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "portfolios.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("exchange", [LATE, ENDED, ENDING, "AIXK"])
def test_days_that_the_calendar_knows_are_as_in_any_other(exchange: str) -> None:
    find_calendar(exchange).require_open(THEN)
    assert find_calendar(exchange).before(THEN, 3) < THEN < (find_calendar(exchange).after(THEN) or THEN)
    assert find_calendar(exchange).close(THEN).at.date() == THEN
    assert THEN in find_calendar(exchange).between(THEN - timedelta(days=9), THEN + timedelta(days=9))
    ages = score_ages(exchange, pl.DataFrame({"day": [THEN], "score_date": [find_calendar(exchange).before(THEN, 2)]}))
    assert ages["score_age_days"].to_list() == [2]


@pytest.mark.parametrize(
    ("exchange", "day"), [(LATE, date(2020, 12, 30)), (ENDED, TODAY), (ENDING, TODAY + timedelta(99))]
)
def test_a_day_that_the_calendar_does_not_know_is_one_sentence(exchange: str, day: date) -> None:
    assert day not in find_calendar(exchange)
    said = f"{day} is outside the calendar of {exchange}"
    with pytest.raises(NotATradingDayError, match=said):
        find_calendar(exchange).require_open(day)
    with pytest.raises(NotATradingDayError, match=said):
        find_calendar(exchange).between(min(day, THEN), max(day, THEN))
    groups = group_portfolios({"a": RebalancingLimits()}, {"a": PortfolioSettings(exchange)}, "XNYS")
    with pytest.raises(NotATradingDayError, match=said):
        days_of_groups(groups, min(day, THEN), max(day, THEN))
    assert closed_portfolios(groups, day) == ()
    assert said in str(unknown_days(groups, day)[exchange])


def test_the_first_days_of_a_calendar_have_fewer_before_them() -> None:
    first = find_calendar(LATE).days[0]
    assert find_calendar(LATE).before(first, 3) == first
    assert find_calendar(LATE).after(first) == find_calendar(LATE).days[1]


def test_the_last_day_of_a_calendar_has_none_after_it() -> None:
    last = find_calendar(ENDED).days[-1]
    assert find_calendar(ENDED).after(last) is None
    with pytest.raises(NotATradingDayError, match="is outside"):
        find_calendar(ENDED).last_closed(NOW)


def test_an_ended_calendar_does_not_stop_the_watchdog() -> None:
    due, not_due = find_due({"a": ENDED, "b": "XNYS"}, datetime(2025, 6, 3, 9, tzinfo=UTC), None, timedelta(hours=3))
    assert ([one.portfolio_ids for one in due], not_due) == ([("a", "b")], [])
    _, not_due = find_due({"a": ENDED}, NOW, None, timedelta(hours=3))
    assert [(one.is_unknown, "is outside the calendar of XEND" in one.words) for one in not_due] == [(True, True)]


def test_the_end_of_a_calendar_is_reported_weeks_ahead_with_its_day() -> None:
    ended, ending = calendar_ends([ENDING, ENDED, "XNYS", LATE, ENDED], TODAY)
    assert (ended.exchange, ended.has_ended, ending.exchange, ending.has_ended) == (ENDED, True, ENDING, False)
    assert f"{TODAY + timedelta(days=20)}, in 20 days" in ending.words
    assert f"ended on {TODAY - timedelta(days=30)}" in ended.words
    assert calendar_ends([ENDING], TODAY - timedelta(days=60)) == ()


@pytest.mark.parametrize("exchange", ["XNYS", "XSAU", "AIXK", "XTAE", "ASEX"])
def test_a_calendar_is_known_or_one_sentence(exchange: str) -> None:
    if exchange in ("XTAE", "ASEX"):  # with these versions of exchange_calendars and pandas
        with pytest.raises(ConfigError, match=f"the calendar of exchange {exchange} cannot be made"):
            find_calendar(exchange)
        return
    days = find_calendar(exchange)
    assert days.first <= days.days[0] < days.days[-1] <= days.last
    assert days.close(days.days[0]) < days.close(days.days[-1])


def test_days_that_the_config_lists_are_closed_or_open(tmp_path: Path) -> None:
    days = f"{{closed: [2025-06-04], open: ['{SATURDAY}']}}"
    text = f"portfolios:\n  a:\n  b: {{exchange: XLON}}\ncalendar:\n  XNYS: {days}\n"
    terms = read_config(config(tmp_path, text)).terms
    calendar = terms["a"].calendar("XNYS")
    assert terms["b"].calendar("XNYS") == "XLON"
    assert date(2025, 6, 4) not in find_calendar(calendar)
    assert SATURDAY in find_calendar(calendar)
    assert find_calendar(calendar).after(date(2025, 6, 3)) == date(2025, 6, 5)
    assert find_calendar(calendar).before(date(2025, 6, 16), 1) == SATURDAY
    ages = score_ages(calendar, pl.DataFrame({"day": [date(2025, 6, 5)], "score_date": [date(2025, 6, 3)]}))
    assert ages["score_age_days"].to_list() == [1]
    # As on Friday the 13th: the exchange closes at four in New York.
    assert find_calendar(calendar).close(SATURDAY) == (datetime(2025, 6, 14, 20, tzinfo=UTC), False)
    with pytest.raises(
        NotATradingDayError, match="not a trading day of XNYS: the nearest are 2025-06-03 and 2025-06-05"
    ):
        find_calendar(calendar).require_open(date(2025, 6, 4))
    [group] = group_portfolios({"a": RebalancingLimits()}, terms, "XNYS")
    assert closed_portfolios([group], date(2025, 6, 4))[0].startswith("XNYS is closed on 2025-06-04")


def test_sessions_past_the_end_of_a_calendar_make_it_longer() -> None:
    later = [TODAY + timedelta(days=n) for n in range(5)]
    calendar = name_calendar(ENDED, [], later)
    find_calendar(calendar).require_open(later[-1])
    assert find_calendar(calendar).after(ENDED_ON) == later[0]
    assert calendar_ends([calendar], TODAY)[0].words.startswith(f"the calendar of {ENDED} ends on {later[-1]}")


ENDED_ON = TODAY - timedelta(days=30)


@pytest.mark.parametrize(
    ("section", "place", "said"),
    [
        ("[XNYS]", (4, 1), "expected a mapping from an exchange"),
        ("{NOWHERE: {closed: [2025-06-04]}}", (5, 4), "exchange NOWHERE is unknown"),
        ("{XNYS: [2025-06-04]}", (5, 4), "expected closed and open"),
        ("{XNYS: {close: [2025-06-04]}}", (5, 11), "did you mean closed?"),
        ("{XNYS: {closed: 2025-06-04}}", (5, 11), "expected a list of days"),
        ("{XNYS: {closed: [2025-06-04, soon]}}", (5, 32), "expected a day like 2024-12-02, got 'soon'"),
        ("{XNYS: {closed: [2025-06-04], open: [2025-06-04]}}", (5, 40), "is closed and open"),
        ("{XNYS: {open: [2062-06-04]}}", (5, 18), "more than a year outside the calendar"),
    ],
)
def test_a_mistake_in_the_section_is_reported_with_its_place(
    tmp_path: Path, section: str, place: tuple[int, int], said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read_config(config(tmp_path, f"portfolios:\n  a:\n# what follows is tried\ncalendar:\n  {section}\n"))
    assert f"portfolios.yaml:{place[0]}:{place[1]}: " in str(caught.value)
    assert said in str(caught.value)


def test_a_day_that_is_listed_to_no_purpose_is_noted(tmp_path: Path) -> None:
    text = f"portfolios:\n  a:\ncalendar:\n  XNYS:\n    closed: [{NO_FUNERAL}]\n    open: [{THEN}]\n"
    file = read_config(config(tmp_path, text))
    assert [one[:2] for one in file.document.locate(file.notes)] == [(5, 14), (6, 12)]


@pytest.mark.slow
@given(
    st.sets(st.dates(date(2024, 1, 1), date(2025, 12, 31)), max_size=9), st.dates(date(2024, 6, 1), date(2025, 6, 1))
)
def test_exceptional_days_change_these_days_alone(days: set[date], day: date) -> None:
    plain = find_calendar("XNYS")
    closed, opened = {one for one in days if one in plain}, {one for one in days if one not in plain}
    calendar = find_calendar(name_calendar("XNYS", closed, opened))
    assert set(calendar.days) ^ set(plain.days) == days
    assert (day in calendar) == ((day in plain) != (day in days))
    after, before = calendar.after(day), calendar.at_or_before(day)
    assert after == min(one for one in calendar.days if one > day)
    assert before == max(one for one in calendar.days if one <= day)
    assert calendar.before(after or day, 1) == before
