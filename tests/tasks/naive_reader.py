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
from typing import Any, TypeAlias

import pyarrow as pa
from pyarrow import parquet

_WHITE_SPACE = " \t\n\v\f\r\x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
"""As Unicode has it; str.strip() takes some control characters too."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DAYS = {
    "%Y-%m-%d": re.compile(r"\+?(?P<Y>\d{4})-\s*(?P<m>\d{1,2})-\s*(?P<d>\d{1,2})", re.ASCII),
    "%d.%m.%Y": re.compile(r"(?P<d>\d{1,2})\.\s*(?P<m>\d{1,2})\.\s*\+?(?P<Y>\d{4})", re.ASCII),
    "%m/%d/%Y": re.compile(r"(?P<m>\d{1,2})/\s*(?P<d>\d{1,2})/\s*\+?(?P<Y>\d{4})", re.ASCII),
    "%Y%m%d": re.compile(r"(?P<Y>\d{4})(?P<m>\d{2})(?P<d>\d{2})", re.ASCII),
}
"""A line end or a blank before a number moves no day, nor does a sign before a year."""

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


def read_naively(ending: str, content: bytes, encoding: str, separator: str) -> NaiveRows | None:
    """Give the rows of a content; None when it cannot be read as what its ending says.

    A row is a dict, or a list of values where these are not as many as the header's, or a text that is no object.
    """
    if not ending.startswith((".csv", ".jsonl")):
        return _read_table(ending, content)
    try:
        text = (gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content).decode(encoding)
    except (UnicodeError, EOFError, OSError, zlib.error):
        return None
    return _read_csv(text, separator) if ending.startswith(".csv") else _read_json_lines(text)


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


def same_text(stored: str | None, written: Written, decimal: str) -> bool:
    """Say whether a stored text is what is written, but for white space around it."""
    text = written.decode() if isinstance(written, bytes) else "" if written is None else str(written)
    if isinstance(written, bool):
        text = text.lower()
    if isinstance(written, Digits | float | Decimal):
        text = text.replace(".", decimal)
    return (stored or "").strip(_WHITE_SPACE) == text.strip(_WHITE_SPACE)


def same_number(stored: float | Decimal | None, written: Written, decimal: str) -> bool:
    """Say whether a stored number is what is written: a double exactly, a weight to half of its last decimal."""
    if isinstance(written, str):
        text = written.strip(_WHITE_SPACE)
        if decimal == "," and not isinstance(written, Digits):
            text = text.replace(".", "no point").replace(",", ".")
        if text and not _NUMBER.fullmatch(text):
            return False
        written = Decimal(text) if text else None
    if stored is None or written is None or isinstance(written, bool):
        return stored is None and written is None
    if isinstance(stored, Decimal):
        return abs(stored - Decimal(written)) <= Decimal("0.500000001e-8")
    return stored == float(written)


def same_day(stored: date | None, written: Written, date_format: str) -> bool:
    """Say whether a stored day is what is written: a date, or midnight."""
    if isinstance(written, str):
        text = written.strip(_WHITE_SPACE)
        found = _DAYS[date_format].fullmatch(text)
        written = date(*(int(found[part]) for part in ("Y", "m", "d"))) if found else text or None
    if isinstance(written, datetime):
        return written.time() == datetime.min.time() and stored == written.date()
    return stored == written
