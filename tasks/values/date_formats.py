"""Dates as a feed writes them, in the codes of strptime: only what is written exactly so is a date.

A time at midnight behind a date is no more than the date; any other time is rejected, since it may be of another day.

>>> parse_date("02.12.2024", "%d.%m.%Y")
datetime.date(2024, 12, 2)
>>> parse_date("2024-12-02T00:00:00Z", ISO)
datetime.date(2024, 12, 2)
>>> parse_date("2024-12-02 16:00", ISO) is None
True
>>> write_date(date(2024, 12, 2), "%d-%b-%y")
'02-Dec-24'
>>> is_whole("%d.%m"), is_whole("%d.%m.%Y")
(False, True)
"""

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import polars as pl

ISO = "%Y-%m-%d"
_FIRST_YEAR, _LAST_YEAR = 1900, 9999
"""A year of two digits reads as one of antiquity, and a restriction until then would be lifted."""
_SHORT = {"%F": ISO, "%D": "%m/%d/%y", "%T": "%H:%M:%S", "%R": "%H:%M"}
"""Codes of strftime that strptime does not have, and what they stand for."""
_CODES = {
    **{f"%{code}": r"\d{2}" for code in "dmyHIMSUWV"},
    **{f"%-{code}": r"\d{1,2}" for code in "dmyHIUWV"},
    **{f"%{code}": r"[^\W\d_]+" for code in "aAbBp"},
    "%Y": r"\d{4}",
    "%G": r"\d{4}",
    "%j": r"\d{3}",
    "%u": r"\d",
    "%w": r"\d",
    "%%": "%",
}
"""What a code writes."""
_YEAR = re.compile(r"%-?[YyGcx]")
"""Without one strptime guesses the year; from Python 3.13 on it warns."""
_NO_ZEROS = re.compile(r"%-(?=[dmyHIjUWV])")
_MIDNIGHT = re.compile(
    r"[T ](?:0?0:00(?::00(?:[.,]0{1,9})?)?|12:00(?::00)?\s?[Aa][Mm])(?:\s?(?:Z|UTC|[+-][0-9]{2}:?[0-9]{2}))?\Z"
)
_TIME_OF_FORMAT = re.compile(r"[T ]%-?[HI]:%M(?::%S(?:[.,]%f)?)?(?:\s?%p)?(?:\s?%[zZ]|Z)?\Z")
_SAMPLE_DAYS = tuple(date(2023, 1, 1) + timedelta(days=days) for days in range(2 * 365 + 1)) + tuple(
    date(year, month, day) for year in range(1970, 2067) for month, day in ((1, 1), (12, 31))
)
"""Every day of a year, a leap year, and the ends of all years that two digits can name."""


def parse_dates(texts: pl.Series, date_format: str) -> pl.Series:
    """Return the date of each text; null where it is not written in the format, or is none."""
    different = texts.drop_nulls().unique()
    days = pl.Series([parse_date(text, date_format) for text in different], dtype=pl.Date)
    return texts.replace_strict(different, days, default=None, return_dtype=pl.Date)


def write_date(day: date, date_format: str) -> str:
    """Return the date in the format, as `parse_dates` reads it."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC).strftime(_spelled_out(date_format))


def write_dates(days: pl.Series, date_format: str) -> pl.Series:
    """Return each date in the format; one that could not be read back, such as 2099 with %y, as ISO has it."""
    different = days.drop_nulls().unique()
    texts = [write_date(day, date_format) for day in different]
    safe = [
        text if parse_date(text, date_format) == day else day.isoformat()
        for day, text in zip(different, texts, strict=True)
    ]
    return days.replace_strict(different, pl.Series(safe, dtype=pl.String), default=None, return_dtype=pl.String)


def pattern_of(date_format: str) -> str:
    """Return a regular expression of what the format writes, to find a date in a longer text."""
    parts = re.split(r"(%-?[A-Za-z%])", _spelled_out(date_format))
    return "".join(_CODES.get(part, ".+?") if place % 2 else re.escape(part) for place, part in enumerate(parts))


def is_whole(date_format: str) -> bool:
    """Return whether the format names one day: whether a date that is written in it can be read back."""
    return bool(_YEAR.search(_spelled_out(date_format))) and all(
        parse_date(write_date(day, date_format), date_format) == day for day in _SAMPLE_DAYS
    )


@lru_cache(maxsize=1 << 16)
def parse_date(text: str, date_format: str) -> date | None:
    """Return the date that a text is, written as the format says; None where it is none."""
    day_format = _TIME_OF_FORMAT.sub("", _spelled_out(date_format))
    return _exactly(text, day_format) or _exactly(_MIDNIGHT.sub("", text), day_format)


def _exactly(text: str, date_format: str) -> date | None:
    try:
        found = datetime.strptime(text, _NO_ZEROS.sub("%", date_format))  # noqa: DTZ007 - a zone is of no matter
        written = found.strftime(date_format)
    except ValueError:
        return None
    is_day = found.time() == datetime.min.time() and _FIRST_YEAR <= found.year <= _LAST_YEAR
    # strptime reads 2025-6-2 and digits of any script too; names of months may have any case.
    return found.date() if is_day and written.casefold() == text.casefold() else None


def _spelled_out(date_format: str) -> str:
    for short, long in _SHORT.items():
        date_format = date_format.replace(short, long)
    return date_format
