"""A second, slow reader of daily files that shares no code with the product: it says which rows a file has.

Python's csv, json and gzip, and pyarrow's own conversion to Python. It decides nothing: it only says what is written.
"""

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from math import isclose
from typing import Any, TypeAlias
from unicodedata import normalize

import pyarrow as pa
from pyarrow import parquet

from tasks.config.feeds import Feed

_WHITE_SPACE = " \t\n\v\f\r\x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
"""As Unicode has it; str.strip() takes some control characters too."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = {
    "%Y-%m-%d": re.compile(r"(?P<Y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)", re.ASCII),
    "%d.%m.%Y": re.compile(r"(?P<d>\d\d)\.(?P<m>\d\d)\.(?P<Y>\d{4})", re.ASCII),
    "%m/%d/%Y": re.compile(r"(?P<m>\d\d)/(?P<d>\d\d)/(?P<Y>\d{4})", re.ASCII),
    "%-m/%-d/%Y": re.compile(r"(?P<m>[1-9]\d?)/(?P<d>[1-9]\d?)/(?P<Y>\d{4})", re.ASCII),
    "%Y%m%d": re.compile(r"(?P<Y>\d{4})(?P<m>\d\d)(?P<d>\d\d)", re.ASCII),
    "%d-%b-%y": re.compile(rf"(?P<d>\d\d)-(?P<b>{'|'.join(_MONTHS)})-(?P<y>\d\d)", re.ASCII | re.IGNORECASE),
}
_MIDNIGHTS = [
    f"{between}{time}{zone}"
    for between in "T "
    for time in ("0:00", "00:00", "00:00:00", "00:00:00.000", "12:00 AM", "12:00:00 AM")
    for zone in ("", "Z", "+02:00", "+00:00")
]
MISSING = ["", "-", "--", "\u2013", "\u2014", "n/a", "#n/a", "na", "n.a.", "nan", "null", "none"]

Written: TypeAlias = str | bytes | bool | int | float | Decimal | date | None


@dataclass(frozen=True)
class NaiveRows:
    """The rows by their numbers. `blank`: numbers of lines that hold white space only, which may be no rows."""

    rows: dict[int, Any]
    blank: frozenset[int] = frozenset()

    @property
    def numbers(self) -> set[int]:
        return set(self.rows) - self.blank


class Digits(str):
    """A JSON number as it is written: its point is a point, whatever the feed says of texts."""

    __slots__ = ()


def read_naively(
    ending: str, content: bytes, encoding: str, separator: str, around: tuple[int, str | None] = (0, None)
) -> NaiveRows | None:
    """Return the rows of a content; None when it cannot be read as what its ending says.

    `around`: how many lines stand above, and how the line begins at which the rows end. A row is a dict, or a list of
    values where these are not as many as the header's, or a text that is no object.
    """
    if not ending.startswith((".csv", ".jsonl")):
        return _read_table(ending, content)
    try:
        text = (gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content).decode(encoding)
    except (UnicodeError, EOFError, OSError, zlib.error):
        return None
    text = _without(text, *around)
    return _read_csv(text, separator) if ending.startswith(".csv") else _read_json_lines(text)


def _without(text: str, above: int, stop_at: str | None) -> str:
    pieces = re.split("(\r\n|\r|\n)", text)
    lines = list(zip(pieces[::2], [*pieces[1::2], ""], strict=True))[above:]
    for number, (line, _) in enumerate(lines if stop_at is not None else []):
        if (line == stop_at or not line.strip(" \t\v\f")) if stop_at == "" else line.lstrip(' \t"').startswith(stop_at):
            lines = lines[:number]
            break
    return "".join(line + end for line, end in lines)


@contextmanager
def _fields_of_any_length() -> Iterator[None]:
    before = csv.field_size_limit(1 << 30)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _read_csv(text: str, separator: str) -> NaiveRows | None:
    with _fields_of_any_length():
        *lines, last = csv.reader(io.StringIO(text + "\nthe end", newline=""), delimiter=separator)
    if last != ["the end"]:
        return None  # a quote was left open
    header, *rows = [line for line in lines if line] or [[]]
    named = {
        number: dict(zip(header, row, strict=True)) if len(row) == len(header) else row
        for number, row in enumerate(rows, 1)
    }
    return NaiveRows(named, frozenset(n for n, row in named.items() if isinstance(row, list) and not row[0].strip()))


def _read_json_lines(text: str) -> NaiveRows:
    lines = [line for line in text.split("\n") if line.strip()]
    return NaiveRows({number: _read_object(line) for number, line in enumerate(lines, 1)})


def _read_object(line: str) -> dict[str, Any] | str:
    try:
        pairs = json.JSONDecoder(
            object_pairs_hook=tuple, parse_float=Digits, parse_int=Digits, parse_constant=str
        ).decode(line)
        row = dict(pairs)
    except (ValueError, TypeError, RecursionError):
        return line
    return row if isinstance(pairs, tuple) and len(row) == len(pairs) else line


def _read_table(ending: str, content: bytes) -> NaiveRows | None:
    try:
        source = pa.BufferReader(content)
        if ending == ".parquet":
            table = parquet.read_table(source, page_checksum_verification=True)
        elif content.startswith(b"ARROW1"):
            table = pa.ipc.open_file(source).read_all()
        else:
            table = pa.ipc.open_stream(source).read_all()
        table.validate(full=True)
        columns = [column.to_pylist() for column in table.columns]
    except (pa.ArrowException, OSError, ValueError, OverflowError):
        return None
    names = table.column_names
    return NaiveRows({n + 1: {name: columns[i][n] for i, name in enumerate(names)} for n in range(table.num_rows)})


def same_text(stored: str | None, written: Written, feed: Feed, _: str = "") -> bool:
    """Report whether a stored text is what is written, but for white space around it and the composition of letters."""
    text = written.decode() if isinstance(written, bytes) else "" if written is None else str(written)
    if isinstance(written, bool):
        text = text.lower()
    if isinstance(written, Digits | float | Decimal):
        text = text.replace(".", feed.decimal)
    return (stored or "").strip(_WHITE_SPACE) in {text.strip(_WHITE_SPACE), normalize("NFC", text).strip(_WHITE_SPACE)}


def same_number(stored: float | Decimal | None, written: Written, feed: Feed, name: str) -> bool:
    """Report whether a stored number is what is written: a double exactly, a weight to half of its last decimal."""
    is_percent = name in feed.percent
    if isinstance(written, str):
        text = written.strip(_WHITE_SPACE)
        if text.lower() in [word.lower() for word in ["", *feed.missing]] or text.lower().lstrip("+-") == "nan":
            return stored is None
        text = _plain(
            text.removesuffix("%").rstrip() if is_percent else text, feed, is_json=isinstance(written, Digits)
        )
        if not _NUMBER.fullmatch(text):
            return False
        written = Decimal(text)
    if stored is None or written is None or isinstance(written, bool):
        return stored is None and (written is None or str(written) == "nan")
    if is_percent:
        written = Decimal(str(written)) / 100
    if isinstance(stored, Decimal):
        return abs(stored - Decimal(written)) <= Decimal("0.500000001e-8")
    return stored == float(written) or (is_percent and isclose(stored, float(written), rel_tol=1e-15))


def _plain(text: str, feed: Feed, *, is_json: bool) -> str:
    """Write a number as Python does; what has no such form stays as it is, and is no number."""
    whole, point, decimals = text.partition("." if is_json else feed.decimal)
    groups = whole.lstrip("+-").split(feed.thousands) if feed.thousands else []
    if len(groups) > 1:
        if not 0 < len(groups[0]) < 4 or any(len(one) != 3 for one in groups[1:]):
            return "no number"
        whole = whole.replace(feed.thousands, "")
    return (
        "no number"
        if "," in whole + decimals or (point == "," and "." in text)
        else whole + point.replace(",", ".") + decimals
    )


def same_day(stored: date | None, written: Written, feed: Feed, _: str) -> bool:
    """Report whether a stored day is what is written: a date, or midnight."""
    if isinstance(written, str):
        if written.strip(_WHITE_SPACE).lower() in [word.lower() for word in ["", *feed.missing]]:
            return stored is None
        day = next((written.removesuffix(one) for one in _MIDNIGHTS if written.endswith(one)), written)
        return stored is not None and any(stored == _day(text, feed.date_format) for text in (written, day))
    if isinstance(written, datetime):
        return written.time() == datetime.min.time() and stored == written.date()
    return stored == written


def _day(text: str, date_format: str) -> date | None:
    found = _DAYS[date_format].fullmatch(text)
    if not found:
        return None
    parts = found.groupdict()
    month = int(parts["m"]) if "m" in parts else 1 + _MONTHS.index(parts["b"].lower())
    year = int(parts["Y"]) if "Y" in parts else (2068 - (68 - int(parts["y"])) % 100)
    return date(year, month, int(parts["d"]))
