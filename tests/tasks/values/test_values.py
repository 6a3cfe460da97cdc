"""What a text stands for: nothing, a number with its thousands and percent signs, in every format."""

import io
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.config.feeds import Feed
from tasks.file_contracts import PRICES, SCORES
from tasks.preflight.file_check import read_file
from tasks.sources.discovery import Source
from tasks.sources.locations import local_place
from tasks.values.values import value_of
from tests.tasks.validation.test_row_validation import DAY

NUMBERS = st.decimals(min_value=-(10**9), max_value=10**9, places=4, allow_nan=False)
FEED = {"path": "x"}


def _number(text: str, **said: object) -> float | None:
    notation = Feed.model_validate(FEED | said).notation
    frame = pl.DataFrame({"close": [text]}).select(value_of("close", pl.Float64, pl.col("close"), notation))
    value: float | None = frame.item()
    return value


def _written(number: Decimal, thousands: str, decimal: str) -> str:
    return f"{number:,f}".translate({ord(","): thousands, ord("."): decimal})


@pytest.mark.parametrize(
    ("thousands", "decimal"), [(",", "."), (".", ","), ("'", "."), ("\u2019", "."), (" ", ","), ("\u00a0", ",")]
)
@given(number=NUMBERS)
def test_a_number_with_its_thousands_apart_is_the_number(number: Decimal, thousands: str, decimal: str) -> None:
    key = {"\u2019": "'", "\u00a0": " "}.get(thousands, thousands)
    assert _number(_written(number, thousands, decimal), thousands=key, decimal=decimal) == float(number)
    assert _number(_written(number, "", decimal), thousands=key, decimal=decimal) == float(number)


@given(number=NUMBERS)
def test_without_being_reported_no_comma_is_read(number: Decimal) -> None:
    text = _written(number, ",", ".")
    assert _number(text) == (None if "," in text else float(number))


@pytest.mark.parametrize(
    "text", ["0,7", "1,23", "12,34.5", ",123", "1,,000", "1234,567", "1,000,", "1.234,5", "1,000.5.5"]
)
def test_a_misplaced_comma_is_no_thousands_separator(text: str) -> None:
    assert _number(text, thousands=",") is None


@given(number=st.decimals(min_value=0, max_value=100, places=6, allow_nan=False))
@pytest.mark.parametrize("sign", ["", "%", " %"])
def test_a_percent_is_the_double_of_its_hundredth(number: Decimal, sign: str) -> None:
    assert _number(f"{number:f}{sign}", percent=["close"]) == float(number / 100)
    assert _number(f"{number:f}%") is None


def test_a_percent_may_have_thousands_or_an_exponent() -> None:
    assert _number("1.234,5 %", percent=["close"], thousands=".", decimal=",") == 12.345
    assert _number("1e-3", percent=["close"]) == 1e-5
    assert _number("% 5", percent=["close"]) is None


def _csv(volatility: object) -> bytes:
    return f"date,asset,score,volatility\n2025-06-02,AAA,0.7,{volatility}\n".encode()


def _json(volatility: object) -> bytes:
    return json.dumps({"date": "2025-06-02", "asset": "AAA", "score": 0.7, "volatility": volatility}).encode()


def _frame(write: str) -> Callable[[object], bytes]:
    def content(volatility: object) -> bytes:
        sink = io.BytesIO()
        frame = pl.DataFrame({"date": ["2025-06-02"], "asset": ["AAA"], "score": [0.7], "volatility": [volatility]})
        getattr(frame, write)(sink)
        return sink.getvalue()

    return content


FORMATS: dict[str, Callable[[object], bytes]] = {
    "csv": _csv,
    "jsonl": _json,
    "parquet": _frame("write_parquet"),
    "arrow": _frame("write_ipc"),
}


@pytest.mark.parametrize(
    "nothing", [float("nan"), "NaN", "nan", "-nan", "N/A", "n/a", "#N/A", "-", "\u2014", "NULL", "None"]
)
@pytest.mark.parametrize("ending", FORMATS)
def test_a_word_for_nothing_is_missing_in_every_format(tmp_path: Path, ending: str, nothing: object) -> None:
    path = tmp_path / f"scores.{ending}"
    path.write_bytes(FORMATS[ending](nothing))
    read = read_file(Source(SCORES, Feed(path=str(path)), local_place(path), DAY), DAY, 0)
    assert (read.findings, read.accepted["volatility"].to_list()) == ((), [None])


def test_in_a_name_such_a_word_is_a_name(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("date,asset,score\n2025-06-02,NA,0.7\n2025-06-02,NULL,0.8\n2025-06-02,nan,0.6\n")
    read = read_file(Source(SCORES, Feed(path=str(path)), local_place(path), DAY), DAY, 0)
    assert read.accepted["asset"].to_list() == ["NA", "NULL", "nan"]


@pytest.mark.parametrize(
    ("close", "reason"), [("NaN", "close is missing"), ("-", "close is missing"), ("", "close is missing")]
)
def test_what_must_be_there_is_missed(tmp_path: Path, close: str, reason: str) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(f"date,asset,close\n2025-06-02,AAA,{close}\n")
    read = read_file(Source(PRICES, Feed(path=str(path)), local_place(path), DAY), DAY, 0)
    assert reason in read.findings[0].what


def test_words_of_the_feed_replace_the_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "scores.arrow"
    table = pa.table(
        {
            "date": ["2025-06-02"] * 3,
            "asset": ["A", "B", "C"],
            "score": ["0.5"] * 3,
            "volatility": ["none yet", "-", "NaN"],
        }
    )
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table)
    read = read_file(Source(SCORES, Feed(path=str(path), missing=["None yet"]), local_place(path), DAY), DAY, 1)
    assert read.accepted["asset"].to_list() == ["A", "C"]  # NaN is no number whatever the words are
