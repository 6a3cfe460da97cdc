"""Broken daily files of every kind and format, drawn from a seeded generator, which hypothesis may be."""

# ruff: noqa: RUF001 - characters that look like others are what is tested

import csv
import gzip
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from random import Random
from typing import Any, Literal

import pyarrow as pa
from pyarrow import parquet

from tasks.config.feeds import Feed

Type = Literal["day", "number", "text"]
Row = dict[str, Any]

DAY = date(2025, 6, 2)
COLUMNS: Mapping[str, Mapping[str, Type]] = {
    "assets": {"asset": "text", "bucket": "text", "lot_size": "number"},
    "restrictions": {
        "portfolio_id": "text",
        "asset": "text",
        "restriction": "text",
        "reason": "text",
        "valid_from": "day",
        "valid_until": "day",
    },
    "positions": {
        "date": "day",
        "portfolio_id": "text",
        "asset": "text",
        "current_weight": "number",
        "quantity": "number",
    },
    "accounts": {"date": "day", "portfolio_id": "text", "portfolio_value": "number"},
    "prices": {
        "date": "day",
        "asset": "text",
        "close": "number",
        "adjustment_factor": "number",
        "daily_return": "number",
    },
    "scores": {
        "date": "day",
        "model": "text",
        "asset": "text",
        "score": "number",
        "technical_score": "number",
        "fundamental_score": "number",
        "volatility": "number",
    },
}
DATED = ("positions", "accounts", "prices", "scores")
ENDINGS = (".csv", ".csv", ".csv", ".csv.gz", ".jsonl", ".jsonl", ".jsonl.gz", ".parquet", ".parquet", ".arrow")

_ODD: Mapping[Type, Sequence[str]] = {
    "day": (
        "",
        " 2025-06-02 ",
        "2025-6-2",
        "+2025-06-02",
        "-2025-06-02",
        "0025-06-02",
        "25-06-02",
        "99999-01-01",
        "2025-06-31",
        "2025-02-29",
        "2025-13-01",
        "20250602",
        "02.06.2025",
        "06/02/2025",
        "2025-06-02T00:00:00Z",
        "2025-06-02 00:00",
        "2025-06-02T00:00:00.000+02:00",
        "2025-06-02 12:00 AM",
        "2025-06-02 23:59:59",
        "02-JUN-25",
        "02-Jun-2025",
        "6/2/2025",
        "2025- 6-02",
        "2025-06-02\u00a0",
        "N/A",
        "-",
        "２０２５-06-02",
        "٢٠٢٥-٠٦-٠٢",
        "2025\u201306\u201302",
        "1748822400",
        "2025-06-03",
        "9999-12-31",
        "nan",
    ),
    "number": (
        "",
        "0",
        "1",
        "-0",
        "-0.0",
        " 0.5\u00a0",
        ".5",
        "5.",
        "+0.5",
        "1e-1",
        "1E0",
        "5e-324",
        "1e-400",
        "1e308",
        "1e400",
        "1e",
        "nan",
        "NaN",
        "-nan",
        "inf",
        "-Infinity",
        "infinity",
        "0,7",
        "1,234.5",
        "1 000",
        "1_0",
        "0_1.5",
        "0x1p-1",
        "0b1",
        "٠.٥",
        "٠٫٥",
        "０.５",
        "½",
        "--1",
        "0.5%",
        "6.53 %",
        "1e-3%",
        "1,234,567.89",
        "1'234.5",
        "1.234,5",
        "12,34.5",
        "0,123.5",
        ",123",
        "-",
        "\u2014",
        "N/A",
        "#n/a",
        "nothing",
        "$1",
        "true",
        "null",
        "0.1234567890123456789",
        "0.30000000000000004",
        "0.123456785",
        "0.00000000499",
        "1.0000000000000001",
        "9" * 400,
        "0." + "0" * 400 + "1",
        "0." + "3" * 400,
    ),
    "text": (
        "",
        "  ",
        " AAA ",
        "\u00a0AAA",
        "aaa",
        "CASH",
        " CASH",
        "cash",
        "no_buy",
        "NO_BUY",
        "Å",
        "A\u030a",
        "😀",
        "x" * 256,
        "x" * 257,
        "é" * 256,
        "[red]boom[/red]",
        "{asset}",
        'a"b',
        '"',
        "a,b",
        "a;b",
        "a\nb",
        "a\r\nb",
        "a\rb",
        "\n\n",
        "a\tb",
        "\x1b[31mred",
        "\x07",
        "\x00",
        "A\x00A",
        "\x1c",
        "\x85",
        "\u200b",
        "\u202eabc",
        "\u2028",
        "\ufeff",
        "\ue000",
        "\ufffd",
        "'; DROP TABLE scores; --",
        "=1+1",
        "null",
        "1e5",
        "-0",
        "\\",
        "\\u0000",
    ),
}
_ASSETS = tuple(f"A{number}" for number in range(40))


@dataclass(frozen=True)
class HostileFile:
    """A file for an inbox. `name` says its kind, day and format; what is in it may be anything.

    `said` is what its feed says of how it is written: decimal, separator, encoding, date_format, lines around it.
    """

    kind: str
    name: str
    content: bytes
    said: Mapping[str, Any] = field(default_factory=dict)

    @property
    def feed(self) -> Feed:
        return Feed.model_validate({"path": ".", **self.said})

    @property
    def ending(self) -> str:
        return self.name[self.name.index(".") :]

    @property
    def day(self) -> date | None:
        """The day that its name says; None: many days. A list is of the day for which it is read."""
        return None if self.kind in DATED and "_" not in self.name else DAY


def make_file(rng: Random) -> HostileFile:
    """Draw a file: odd values, odd types, and in every second one damaged bytes."""
    kind, ending = rng.choice(tuple(COLUMNS)), rng.choice(ENDINGS)
    is_of_one_day = kind in DATED and rng.random() < 0.8
    header, rows = _make_rows(rng, kind)
    form = ending.split(".")[1]
    said = _SAID[rng.choice(tuple(_SAID))] if rng.random() < 0.3 else {}
    if "percent" in said:
        said = {"percent": [name for name, dtype in COLUMNS[kind].items() if dtype == "number"]}
    content = _say(said, _WRITERS[form](rng, kind, header, rows), is_text=form in {"csv", "jsonl"})
    if rng.random() < 0.5:
        content = _damage(rng, content, is_text=form in {"csv", "jsonl"})
    if ending.endswith(".gz") != (rng.random() < 0.05):
        content = gzip.compress(content, compresslevel=1, mtime=0)
        if rng.random() < 0.3:
            content = _damage(rng, content, is_text=False)
    return HostileFile(kind, f"{kind}_{DAY}{ending}" if is_of_one_day else f"{kind}{ending}", content, said)


_SAID: Mapping[str, Mapping[str, Any]] = {
    "German": {"decimal": ",", "separator": ";", "encoding": "cp1252", "date_format": "%d.%m.%Y"},
    "decimal comma": {"decimal": ","},
    "tabs": {"separator": "\t"},
    "UTF-16": {"encoding": "utf-16"},
    "UTF-32": {"encoding": "utf-32-le"},
    "Japanese": {"encoding": "shift_jis"},
    "Latin-1": {"encoding": "latin-1"},
    "American": {"date_format": "%m/%d/%Y"},
    "digits": {"date_format": "%Y%m%d"},
    "month names": {"date_format": "%d-%b-%y"},
    "no zeros": {"date_format": "%-m/%-d/%Y"},
    "thousands": {"thousands": ","},
    "German thousands": {"decimal": ",", "thousands": ".", "separator": ";"},
    "Swiss": {"thousands": "'"},
    "percent": {"percent": True},
    "lines around": {"skip_rows": 3, "stop_at": "The content"},
    "a blank line": {"stop_at": ""},
    "own words": {"missing": ["nothing", "0"]},
}


def _say(said: Mapping[str, Any], content: bytes, *, is_text: bool) -> bytes:
    """Write the content as its feed says that it is written: every comma between values, every point, every date."""
    if not is_text or not said:
        return content
    text = content.decode()
    if "separator" in said:
        text = text.replace(",", said["separator"]) if text.count(",") > text.count(";") else text
    if "decimal" in said:
        text = re.sub(r"(?<=\d)\.(?=\d)", ",", text)
    if "date_format" in said:
        text = text.replace(str(DAY), DAY.strftime(said["date_format"]))
    if "skip_rows" in said:
        text = f'Fund Holdings as of,"Jun 02, 2025"\r\nShares,"1,234,567.00"\n\n{text}'
    if "stop_at" in said:
        text = f'{text}\n"{said["stop_at"]}\n2025-06-02,AFTER,0.5\n"an open quote'
    return text.encode(said.get("encoding", "utf-8"), errors="replace")


def _make_rows(rng: Random, kind: str) -> tuple[list[str], list[dict[str, str]]]:
    names = list(COLUMNS[kind])
    if rng.random() < 0.3:
        rng.shuffle(names)
    oddness = rng.choice((0.0, 0.01, 0.05, 0.3))
    rows = [
        {name: _make_text(rng, name, COLUMNS[kind][name], oddness) for name in names}
        for _ in range(rng.choice((0, 1, 2, 5, 20, 60)))
    ]
    if "asset" in names and rng.random() < 0.9:
        assets = list(_ASSETS + _ASSETS)[: len(rows)]
        for row, asset in zip(rows, assets, strict=False):
            row["asset"] = asset if rng.random() >= oddness else row["asset"]
    return names, rows


def _make_text(rng: Random, name: str, dtype: Type, oddness: float) -> str:
    if rng.random() < oddness:
        return "y" * 200_000 if dtype == "text" and rng.random() < 0.02 else rng.choice(_ODD[dtype])
    if dtype == "day":
        return str(DAY) if name == "date" else rng.choice(("", "2025-01-01", "2025-12-31"))
    if dtype == "number":
        return f"{rng.random() / 60:.{rng.choice((2, 8, 17))}f}" if name == "current_weight" else repr(rng.random())
    ordinary = {"restriction": ("no_buy", "no_trade", "must_sell"), "asset": _ASSETS, "model": ("", "m1")}
    return rng.choice(ordinary.get(name, ("core", "growth")))


def _odd_header(rng: Random, header: list[str]) -> list[str]:
    if rng.random() < 0.93:
        return header
    names = ["Asset", "asset", "", " asset", "ascore", "x" * 500, "[b]x", "a\nb", "\x1b[0m", 'q"', "\u202e", "\0"]
    odd = rng.choice(
        (
            [rng.choice(names), *header[1:]],
            [*header, rng.choice(names)],
            header[1:],
            [*header, *header],
            [name.upper() for name in header],
            [*header, *(f"c{number}" for number in range(rng.choice((40, 3_000))))],
            [rng.choice(names) * 3 for _ in range(500)],
        )
    )
    return list(odd)


def _write_csv(rng: Random, _: str, header: list[str], rows: list[dict[str, str]]) -> bytes:
    header = _odd_header(rng, header)
    lines = [header, *([row.get(name, "") for name in header] for row in rows)]
    delimiter = rng.choice(",,,,,,,,,,,,;\t")
    end = rng.choice(("\n", "\n", "\r\n", "\r", "\n\n", "\n \n"))
    if rng.random() < 0.2:
        text = end.join(delimiter.join(line) for line in lines)
    else:
        sink = io.StringIO()
        quoting = rng.choice((csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
        csv.writer(sink, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(lines)
        text = sink.getvalue()
    if rng.random() < 0.1:
        text = text.rstrip() + rng.choice(("", ",", '"', '""', end + "short", f"{end}1,2,3,4,5,6,7,8,9", end + '"open'))
    return text.encode()


def _write_json_lines(rng: Random, kind: str, header: list[str], rows: list[dict[str, str]]) -> bytes:
    header = _odd_header(rng, header)
    lines = [_json_line(rng, kind, {name: row.get(name, "") for name in header}) for row in rows]
    end = rng.choice(("\n", "\n", "\n", "\r\n", "\n\n", "\n \n", "\r"))
    return end.join(lines).encode()


def _json_line(rng: Random, kind: str, row: dict[str, str]) -> str:
    is_number = {name: COLUMNS[kind].get(name) == "number" and rng.random() < 0.7 for name in row}
    pairs = [
        f"{json.dumps(name, ensure_ascii=rng.random() < 0.5)}: {_json_value(rng, text, is_number=is_number[name])}"
        for name, text in row.items()
    ]
    if rng.random() < 0.02:
        pairs.append(
            rng.choice(
                (
                    pairs[0] if pairs else '"a": 1',
                    '"asset": {"a": [1]}',
                    '"model": ["\\u001b[31m"]',
                    '"\\u001b[31m\\n": {"a": 1}',
                    '"asset": "\\ud800"',
                    '"\\ud800": 1',
                    f'"{"k" * 5_000}": []',
                    '"score": ' + "[" * 2_000,
                )
            )
        )
    if rng.random() < 0.01:
        return rng.choice(("[]", "1", "null", '"text"', "{", "{}", "[1, 2]", "NaN", "\x1c", "\x00", "[" * 100_000))
    return "{" + ", ".join(pairs) + "}"


def _json_value(rng: Random, text: str, *, is_number: bool) -> str:
    if is_number and text:
        return text
    if not text and rng.random() < 0.5:
        return "null"
    if rng.random() < 0.01:
        return rng.choice(("true", "false", "NaN", "-Infinity", "1e999", "0.50", "-0", "1E2", "12345678901234567890"))
    return json.dumps(text, ensure_ascii=rng.random() < 0.5)


def _write_table(rng: Random, kind: str, header: list[str], rows: list[dict[str, str]]) -> pa.Table:
    columns = [_make_array(rng, COLUMNS[kind][name], [row[name] for row in rows]) for name in header]
    table = pa.table(columns, names=header)
    names = _odd_header(rng, header)[:300]
    if names != header:
        nulls = pa.nulls(len(rows))
        return pa.table([table[name] if name in header else nulls for name in names], names=names)
    return table


def _write_parquet(rng: Random, kind: str, header: list[str], rows: list[dict[str, str]]) -> bytes:
    sink = io.BytesIO()
    table = _write_table(rng, kind, header, rows)
    with suppress(pa.ArrowException):
        parquet.write_table(
            table,
            sink,
            row_group_size=rng.choice((None, 1, 3)),
            compression=rng.choice(("snappy", "none", "zstd", "gzip")),
            use_dictionary=rng.random() < 0.5,
            version=rng.choice(("1.0", "2.6")),
            data_page_version=rng.choice(("1.0", "2.0")),
            write_page_checksum=rng.random() < 0.5,
        )
    return sink.getvalue()


def _write_arrow(rng: Random, kind: str, header: list[str], rows: list[dict[str, str]]) -> bytes:
    sink = io.BytesIO()
    table = _write_table(rng, kind, header, rows)
    make = rng.choice((pa.ipc.new_file, pa.ipc.new_file, pa.ipc.new_stream))
    options = pa.ipc.IpcWriteOptions(compression=rng.choice((None, "lz4", "zstd")), unify_dictionaries=True)
    with make(sink, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=rng.choice((None, 1, 7)))
    return sink.getvalue()


def _make_array(rng: Random, dtype: Type, texts: list[str]) -> pa.Array:
    values = [text or None for text in texts]
    if rng.random() < 0.3 and dtype == "text":
        return pa.array(values, pa.string())
    with suppress(pa.ArrowException, ValueError, ArithmeticError, TypeError):
        made = rng.choice(_ARRAYS[dtype][: rng.choice((2, 6, 6, 100))])(values)
        return made if len(made) == len(values) else pa.nulls(len(values))
    return pa.array(values, pa.string())


def _numbers(values: list[str | None]) -> list[float | None]:
    return [None if value is None else float(value) for value in values]


def _days(values: list[str | None]) -> list[date | None]:
    return [None if value is None else date.fromisoformat(value) for value in values]


def _midnights(values: list[str | None], zone: timezone | None = None) -> list[datetime | None]:
    return [day and datetime(day.year, day.month, day.day, tzinfo=zone) for day in _days(values)]


_NEW_YORK = timezone(timedelta(hours=-4))
_Make = Callable[[list[str | None]], pa.Array]
_ARRAYS: Mapping[Type, Sequence[_Make]] = {
    "number": (
        lambda values: pa.array(_numbers(values), pa.float64()),
        lambda values: pa.array(_numbers(values), pa.float64()),
        lambda values: pa.array(_numbers(values), pa.float32()),
        lambda values: pa.array(_numbers(values), pa.float64()).cast(pa.float16(), safe=False),
        lambda values: pa.array([value and Decimal(value) for value in values], pa.decimal128(38, 20)),
        lambda values: pa.array([value and Decimal(value) for value in values], pa.decimal256(60, 30)),
        lambda values: pa.array([number and int(number * 10) for number in _numbers(values)], pa.int8()),
        lambda values: pa.array([number and int(number * 10) for number in _numbers(values)], pa.uint64()),
        lambda values: pa.array([number and number > 0.5 for number in _numbers(values)], pa.bool_()),
        lambda values: pa.array(_numbers(values), pa.float64()).dictionary_encode(),
        lambda values: pa.array([[number] for number in _numbers(values)], pa.list_(pa.float64())),
        lambda values: pa.array([{"v": number} for number in _numbers(values)], pa.struct({"v": pa.float64()})),
        lambda values: pa.array([{f"\x1b\n{'k' * 3_000}": 1} for _ in values] or [{"k": 1}]),
        lambda values: pa.nulls(len(values)),
    ),
    "day": (
        lambda values: pa.array(_days(values), pa.date32()),
        lambda values: pa.array(_days(values), pa.date32()),
        lambda values: pa.array(_days(values), pa.date64()),
        lambda values: pa.array(_midnights(values), pa.timestamp("s")),
        lambda values: pa.array(_midnights(values), pa.timestamp("ns")),
        lambda values: pa.array(_midnights(values, _NEW_YORK), pa.timestamp("us", tz="America/New_York")),
        lambda values: pa.array(_midnights(values, _NEW_YORK), pa.timestamp("ms", tz="UTC")),
        lambda values: pa.array([2**62 for _ in values], pa.timestamp("ns")),
        lambda values: pa.array([2**31 - 1 for _ in values], pa.date32()),
        lambda values: pa.array([0 for _ in values], pa.time32("s")),
        lambda values: pa.array([0 for _ in values], pa.duration("us")),
        lambda values: pa.nulls(len(values)),
    ),
    "text": (
        lambda values: pa.array(values, pa.large_string()),
        lambda values: pa.array(values, pa.string_view()),
        lambda values: pa.array([value and value.encode() for value in values], pa.binary()),
        lambda values: pa.array([value and b"\xff" + value.encode() for value in values], pa.large_binary()),
        lambda values: pa.array(values, pa.string()).dictionary_encode(),
        lambda values: pa.array(list(range(len(values))), pa.int16()),
        lambda values: pa.array([[value] for value in values], pa.list_(pa.string())),
        lambda values: pa.nulls(len(values)),
    ),
}
_WRITERS: Mapping[str, Callable[[Random, str, list[str], list[dict[str, str]]], bytes]] = {
    "csv": _write_csv,
    "jsonl": _write_json_lines,
    "parquet": _write_parquet,
    "arrow": _write_arrow,
}


def _damage(rng: Random, content: bytes, *, is_text: bool) -> bytes:
    ways = _DAMAGES + _DAMAGES_OF_TEXT if is_text else _DAMAGES
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        content = rng.choice(ways)(rng, content)
    return content


def _cut(rng: Random, content: bytes) -> tuple[bytes, bytes, bytes]:
    start, end = sorted(rng.randrange(len(content) + 1) for _ in range(2))
    return content[:start], content[start:end], content[end:]


def _flip(rng: Random, content: bytes) -> bytes:
    flipped = bytearray(content)
    for _ in range(rng.choice((1, 1, 3, 20)) if content else 0):
        flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
    return bytes(flipped)


def _double(rng: Random, content: bytes) -> bytes:
    before, part, after = _cut(rng, content)
    return before + part * 2 + after


def _drop(rng: Random, content: bytes) -> bytes:
    before, _, after = _cut(rng, content)
    return before + after


def _insert(rng: Random, content: bytes) -> bytes:
    before, part, after = _cut(rng, content)
    pieces = (
        b"\0",
        b"\xff",
        b"\x1b[2J",
        b'"',
        b'""',
        b",",
        b"\n",
        b"\r",
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
        b"\x1a",
        b"\\",
    )
    return before + rng.choice(pieces) + part + after


def _recode(rng: Random, content: bytes) -> bytes:
    return content.decode(errors="replace").encode(rng.choice(("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7")))


_DAMAGES: tuple[Callable[[Random, bytes], bytes], ...] = (
    _flip,
    _flip,
    _double,
    _drop,
    _insert,
    lambda rng, content: content[: rng.randrange(len(content) + 1)],
    lambda rng, _: rng.randbytes(rng.choice((0, 1, 4, 500))),
    lambda _, content: content * 2,
)
_DAMAGES_OF_TEXT: tuple[Callable[[Random, bytes], bytes], ...] = (
    _insert,
    _recode,
    lambda rng, content: content.replace(b",", rng.choice((b";", b"\t", b",,"))),
    lambda rng, content: content.replace(b"\n", rng.choice((b"\r", b"\n\r", b"\r\n", b"\n\n"))),
    lambda rng, content: content.replace(b"0", rng.choice((b"O", "０".encode(), b"\0")), 3),
)
