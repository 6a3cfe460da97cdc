"""Trading days of the New York Stock Exchange, against its published holidays."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from tasks.errors import ConfigError, NotATradingDayError
from tasks.trading_calendar import find_calendar, score_ages


def test_a_trading_day_is_let_through() -> None:
    find_calendar("XNYS").require_open(date(2024, 12, 2))


@pytest.mark.parametrize(
    ("day", "around"),
    [
        (date(2024, 12, 25), "2024-12-24 and 2024-12-26"),
        (date(2024, 12, 7), "2024-12-06 and 2024-12-09"),
        (date(2025, 1, 9), "2025-01-08 and 2025-01-10"),
    ],
)
def test_holidays_and_weekends_are_no_trading_days(day: date, around: str) -> None:
    with pytest.raises(NotATradingDayError, match=f"is not a trading day of XNYS: the nearest are {around}"):
        find_calendar("XNYS").require_open(day)


def test_a_day_outside_the_calendar_is_reported() -> None:
    with pytest.raises(NotATradingDayError, match="is outside the calendar of XNYS"):
        find_calendar("XNYS").require_open(date(1890, 1, 2))


def test_an_unknown_exchange_is_reported() -> None:
    with pytest.raises(ConfigError, match="exchange NOWHERE is unknown"):
        find_calendar("NOWHERE").require_open(date(2024, 12, 2))


def test_a_range_over_thanksgiving_leaves_it_and_the_weekend_out() -> None:
    days = find_calendar("XNYS").between(date(2024, 11, 27), date(2024, 12, 2))
    assert days == (date(2024, 11, 27), date(2024, 11, 29), date(2024, 12, 2))


def test_three_trading_days_back_skip_thanksgiving() -> None:
    assert find_calendar("XNYS").before(date(2024, 12, 2), 3) == date(2024, 11, 26)


def test_a_fridays_score_is_one_trading_day_old_on_monday() -> None:
    scored = [date(2024, 12, 6), date(2024, 12, 9), date(2024, 12, 4)]
    ages = score_ages("XNYS", pl.DataFrame({"day": date(2024, 12, 9), "score_date": scored}))
    assert ages["score_age_days"].to_list() == [1, 0, 3]


def test_ages_of_several_days_count_each_from_its_own() -> None:
    days = {"day": [date(2024, 12, 2), date(2024, 11, 29)], "score_date": [date(2024, 11, 28), date(2024, 11, 27)]}
    ages = score_ages("XNYS", pl.DataFrame(days))
    # Thanksgiving has no session, so its score is as old as one of the day before.
    assert ages["score_age_days"].to_list() == [2, 1]


def test_the_exchange_keeps_new_york_time() -> None:
    assert str(find_calendar("XNYS").time_zone) == "America/New_York"


def test_a_day_before_a_holiday_closes_early_and_others_at_four() -> None:
    # The NYSE closes at 13:00 on 3 July; New York is four hours behind UTC in summer, five in winter.
    assert find_calendar("XNYS").close(date(2025, 7, 3)) == (datetime(2025, 7, 3, 17, tzinfo=UTC), True)
    assert find_calendar("XNYS").close(date(2025, 7, 2)) == (datetime(2025, 7, 2, 20, tzinfo=UTC), False)
    assert find_calendar("XNYS").close(date(2025, 12, 2)) == (datetime(2025, 12, 2, 21, tzinfo=UTC), False)


def test_the_next_trading_day_skips_holiday_and_weekend() -> None:
    assert (
        find_calendar("XNYS").after(date(2025, 7, 3))
        == find_calendar("XNYS").after(date(2025, 7, 4))
        == date(2025, 7, 7)
    )


def test_a_day_that_london_trades_and_new_york_does_not() -> None:
    assert [date(2025, 7, 4) in find_calendar(exchange) for exchange in ("XLON", "XNYS")] == [True, False]
