"""Dates in the format of a feed: what is written exactly so is read, and nothing else."""

# ruff: noqa: RUF001 - digits that look like ours are what is tested

import re
from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.values.date_formats import is_whole, parse_dates, write_date, write_dates

DAY = date(2025, 6, 2)
WHOLE = [
    *("%Y-%m-%d", "%F", "%d.%m.%Y", "%m/%d/%Y", "%-m/%-d/%Y", "%-d.%-m.%Y", "%Y%m%d", "%d%m%Y", "%Y/%m/%d"),
    *("%d-%b-%y", "%d-%b-%Y", "%d %B %Y", "%B %d, %Y", "%b %-d, %Y", "%a %d %b %Y", "%A, %d %B %Y", "%y%m%d"),
    *("%Y%j", "%y%j", "%Y-%j", "%G-W%V-%u", "%Y-%U-%w", "%Y-%W-%u", "%D", "%x", "%c", "%Y年%m月%d日"),
    *("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S%z", "%m/%d/%Y %I:%M:%S %p"),
]
TWO_DIGITS = [one for one in WHOLE if re.search(r"%[yDx]", one)]
MIDNIGHTS = ["T00:00:00", " 00:00:00", " 00:00", " 0:00", "T00:00:00.000", " 00:00:00,000000", " 12:00:00 AM"]
ZONES = ["", "Z", "+00:00", "-0400", " UTC"]


def _parse(text: str, date_format: str) -> date | None:
    [day] = parse_dates(pl.Series([text]), date_format)
    return day


@pytest.mark.parametrize("date_format", WHOLE)
def test_a_format_of_one_day_reads_every_day_it_writes(date_format: str) -> None:
    assert is_whole(date_format)
    first, last = (1969, 2068) if date_format in TWO_DIGITS else (1900, 9999)

    @settings(deadline=None)  # a busy machine is slow
    @given(st.dates(date(first, 1, 1), date(last, 12, 31)))
    def round_trip(day: date) -> None:
        assert _parse(write_date(day, date_format), date_format) == day

    round_trip()


@pytest.mark.parametrize(
    "date_format",
    [*("", "%", "%Y", "%m/%d", "%d %B", "%Y-%m", "%Y-%U", "%G-%V", "%H:%M", "%s", "%Q", "today", "%y-%m", "%-d%-m%Y")],
)
def test_a_format_that_names_no_one_day_is_none(date_format: str) -> None:
    assert not is_whole(date_format)


NO_DATES = """
2025-6-2|2025-06-2|+2025-06-02|-2025-06-02| 2025-06-02|2025-06-02 |2025- 6- 2|02025-06-02|2025-006-02|2025-06-002
2025-06-02Z|2025-06-02+00:00|20250602|2025/06/02|02.06.2025|2 June 2025|1748822400|nan|today|2025-06-31|2025-02-29
２０２５-06-02|2025-０6-02|٢٠٢٥-٠٦-٠٢|2025‐06‐02|2025-13-01|0025-06-02|1899-12-31|10000-01-01|2025-06-02T|2025-06-02T00
2025-06-02T00:00:01|2025-06-02 24:00|2025-06-02 23:59:59.999|2025-06-02T00:00:00.001|2025-06-02 12:00|2025-06-02T００:00
2025-06-02 12:00:00 PM|2025-06-02 00:00 AM|2025-06-02  00:00|2025-06-02 00:00:00 Mars/City
"""


@pytest.mark.parametrize("text", [*re.split(r"[|\n]", NO_DATES.strip("\n")), "2025-06-02\n", "\ufeff2025-06-02", "\0"])
def test_only_the_format_as_written_counts(text: str) -> None:
    assert _parse(text, "%Y-%m-%d") is None


@pytest.mark.parametrize("date_format", ["%Y-%m-%d", "%-m/%-d/%Y", "%d-%b-%y", "%Y%m%d"])
@pytest.mark.parametrize("midnight", [time + zone for time in MIDNIGHTS for zone in ZONES])
def test_a_time_at_midnight_is_a_date_as_it_is_written(date_format: str, midnight: str) -> None:
    assert _parse(write_date(DAY, date_format) + midnight, date_format) == DAY


@given(st.text(st.sampled_from("0123456789-+ :TZ.,/２\u0662JunAM\u00a0\n"), max_size=24))
def test_what_is_read_is_what_is_written(text: str) -> None:
    day = _parse(text, "%Y-%m-%d")
    assert day is None or text.startswith(day.isoformat())
    assert day is None or re.fullmatch(r"([T ](0?0:00|12:00)[^1-9]*([+-]\d\d:?\d\d)?)?", text[10:].removesuffix("Z"))


def test_months_have_any_case_and_a_wrong_weekday_is_rejected() -> None:
    assert [_parse(text, "%d-%b-%y") for text in ("02-JUN-25", "02-jun-25", "02-Juni-25")] == [DAY, DAY, None]
    assert [_parse(text, "%a %d %b %Y") for text in ("Mon 02 Jun 2025", "Tue 02 Jun 2025")] == [DAY, None]


def test_a_date_beyond_two_digit_years_is_written_in_full() -> None:
    days = pl.Series([DAY, date(2099, 12, 31), None])
    written = write_dates(days, "%d-%b-%y")
    assert written.to_list() == ["02-Jun-25", "2099-12-31", None]
    assert parse_dates(written, "%d-%b-%y").to_list() == [DAY, None, None]


def test_no_text_at_all_is_no_date() -> None:
    assert parse_dates(pl.Series([None, None], dtype=pl.String), "%Y").to_list() == [None, None]
    assert parse_dates(pl.Series([], dtype=pl.String), "%Y").to_list() == []
