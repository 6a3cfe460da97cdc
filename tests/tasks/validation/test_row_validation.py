"""Each row of a file is accepted, or refused with the rule it broke. None is lost."""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sql.records import IngestBatch
from tasks.file_contracts import ASSETS, POSITIONS, PRICES, RESTRICTION_LIST, SCORES, Contract
from tasks.validation.row_validation import Delivery, RawBatch, apply_contract, broken_rows
from tasks.values.notation import Notation

DAY = date(2025, 6, 2)
LATEST = date(2025, 6, 4)


def _apply(contract: Contract, raw: pl.DataFrame, day: date | None = DAY, **notation: str) -> IngestBatch:
    rows = raw.with_row_index("row_number", offset=1).with_columns(pl.col("row_number").cast(pl.Int32))
    said = Notation(**notation)  # type: ignore[arg-type]
    return apply_contract(contract, RawBatch(rows, broken_rows([])), Delivery(day, LATEST, said))


def _score_rows(*rows: tuple[str | None, ...]) -> pl.DataFrame:
    columns = ["date", "asset", "score", "technical_score"]
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")


def _refusals(contract: Contract, raw: pl.DataFrame) -> list[tuple[int, str, str]]:
    return _apply(contract, raw).rejected.select("row_number", "rule", "reason").rows()


_NO_NUMBER = "score cannot be read as a number"
_UNSEEN = "asset holds a character that cannot be seen: got '{}'"
_NO_DATE = (
    "date cannot be read as a date like 2024-12-02 (where dates are written otherwise, say so in feeds: date_format): "
    "got '{}'"
)


@pytest.mark.parametrize(
    ("row", "rule", "reason"),
    [
        (("2025-06-02", "AAA", "1.7", None), "score|max", "score is above 1: got '1.7'"),
        (("2025-06-02", "AAA", "-0.1", None), "score|min", "score is below 0: got '-0.1'"),
        (("2025-06-02", "AAA", "NaN", None), "has_a_score", "no score and no part of one"),
        (("2025-06-02", "AAA", "-", "#N/A"), "has_a_score", "no score and no part of one"),
        (("2025-06-02", "AAA", "inf", None), "score|inf", "score is not finite: got 'inf'"),
        (("2025-06-02", "AAA", "high", None), "score|parses", "score cannot be read as a number: got 'high'"),
        (
            ("2025-06-02", "AAA", "70 %", None),
            "score|percent",
            "score cannot be read as a number: where it is in percent, say so in feeds: percent: [score]: got '70 %'",
        ),
        (
            ("2025-06-02", "AAA", "1,000.7", None),
            "score|thousands",
            f"{_NO_NUMBER}: where commas separate thousands, say so in feeds: thousands: ',': got '1,000.7'",
        ),
        (
            ("2025-06-02", "AAA", "0,7", None),
            "score|decimal_comma",
            "score cannot be read as a number: where commas are decimal, say so in feeds: decimal: ',': got '0,7'",
        ),
        (("2025-06-02", "AAA", "1e400", None), "score|inf", "score is not finite: got '1e400'"),
        (("2025-06-02", "A\u200bA", "0.7", None), "asset|regex", _UNSEEN.format(r"A\u200bA")),
        (("2025-06-02", "A\0A", "0.7", None), "asset|regex", _UNSEEN.format(r"A\x00A")),
        (
            ("2025-06-02", "A" * 257, "0.7", None),
            "asset|max_length",
            f"asset has more than 256 characters: got '{'A' * 40}'...",
        ),
        (("2025-06-02", "AAA\u3164", "0.7", None), "asset|regex", _UNSEEN.format(r"AAA\u3164")),
        (("2025-06-02", "\u2800", "0.7", None), "asset|regex", _UNSEEN.format(r"\u2800")),
        (("2025-06-02", "CCC\ufe0f", "0.7", None), "asset|regex", _UNSEEN.format(r"CCC\ufe0f")),
        (("2025-06-02", "A\xadA", "0.7", None), "asset|regex", _UNSEEN.format(r"A\xadA")),
        (("2025-06-02", "AAA", None, " "), "has_a_score", "no score and no part of one"),
        (("2025-06-02", "", "0.7", None), "asset|nullability", "asset is missing"),
        (("2025-06-03", "AAA", "0.7", None), "of_the_day", "the row is not of the file's day: got '2025-06-03'"),
        (("02.06.2025", "AAA", "0.7", None), "as_of_date|parses", _NO_DATE.format("02.06.2025")),
        (("0025-06-02", "AAA", "0.7", None), "as_of_date|parses", _NO_DATE.format("0025-06-02")),
        (("2025-06-02 09:30", "AAA", "0.7", None), "as_of_date|parses", _NO_DATE.format("2025-06-02 09:30")),
        ((" 2025-06-02", "AAA", "0.7", None), "as_of_date|parses", _NO_DATE.format(" 2025-06-02")),
    ],
)
def test_a_bad_score_row_is_rejected_and_the_good_one_goes_on(
    row: tuple[str | None, ...], rule: str, reason: str
) -> None:
    raw = _score_rows(row, ("2025-06-02", "BBB", "0.8", None))
    accepted, rejected, *_ = _apply(SCORES, raw)
    assert accepted["asset"].to_list() == ["BBB"]
    assert rejected.select("row_number", "rule", "reason").rows() == [(1, rule, reason)]


def test_a_rejected_row_is_kept_as_it_came() -> None:
    rejected = _apply(SCORES, _score_rows(("2025-06-02", "AAA", "1.7", None))).rejected
    assert rejected["row_json"].to_list() == [
        '{"date":"2025-06-02","asset":"AAA","score":"1.7","technical_score":null}'
    ]


def test_both_rows_of_a_duplicate_are_rejected() -> None:
    raw = _score_rows(("2025-06-02", "AAA", "0.7", None), ("2025-06-02", "AAA", "0.9", None))
    assert [(number, rule) for number, rule, _ in _refusals(SCORES, raw)] == [(1, "primary_key"), (2, "primary_key")]


def test_the_same_asset_of_two_models_is_no_duplicate() -> None:
    raw = pl.DataFrame(
        {"date": ["2025-06-02"] * 2, "asset": ["AAA"] * 2, "model": ["value", None], "score": ["0.7", "0.6"]}
    )
    accepted = _apply(SCORES, raw).accepted
    assert accepted["model"].to_list() == ["value", "default"]


def test_a_score_of_exactly_0_or_1_is_accepted() -> None:
    raw = _score_rows(("2025-06-02", "AAA", "0", None), ("2025-06-02", "BBB", "1", None))
    assert _refusals(SCORES, raw) == []


@pytest.mark.parametrize("bucket", [None, "", "  "])
def test_an_asset_without_a_bucket_is_rejected(bucket: str | None) -> None:
    raw = pl.DataFrame({"asset": ["AAA", "BBB"], "bucket": ["Energy", bucket]})
    assert _refusals(ASSETS, raw) == [(2, "bucket|nullability", "bucket is missing")]


def test_a_position_is_stored_with_eight_decimals() -> None:
    raw = pl.DataFrame(
        {"date": ["2025-06-02"], "portfolio_id": ["p"], "asset": ["AAA"], "current_weight": ["0.123456789"]}
    )
    accepted = _apply(POSITIONS, raw).accepted
    assert accepted["current_weight"].to_list() == [Decimal("0.12345679")]


def test_a_name_in_two_compositions_is_one_key() -> None:
    rows = _score_rows(
        *((DAY.isoformat(), asset, "0.7", None) for asset in ("CAF\u00c9", " CAFE\u0301", "CCC", "u\u0308"))
    )
    batch = _apply(SCORES, rows)
    assert batch.rejected.select("row_number", "rule").rows() == [(1, "primary_key"), (2, "primary_key")]
    assert batch.accepted["asset"].to_list() == ["CCC", "\u00fc"]


@pytest.mark.parametrize("column", ["portfolio_id", "asset"])
def test_a_name_of_any_column_holds_to_the_rule(column: str) -> None:
    row = {"portfolio_id": "p", "asset": "AAA", "restriction": "no_buy"} | {column: "a\u200b"}
    assert [rule for _, rule, _ in _refusals(RESTRICTION_LIST, pl.DataFrame(row))] == [f"{column}|regex"]
    row[column] = "CASH"
    assert [rule for _, rule, _ in _refusals(RESTRICTION_LIST, pl.DataFrame(row))] == [f"{column}|check__reserved"]


def test_a_bucket_is_a_name_too() -> None:
    raw = pl.DataFrame({"asset": ["A", "B", "C"], "bucket": ["Techno\u0301", "Te\x07ch", "CASH"]})
    batch = _apply(ASSETS, raw)
    assert batch.accepted["bucket"].to_list() == ["Techn\u00f3"]
    assert batch.rejected["rule"].to_list() == ["bucket|regex", "bucket|check__reserved"]


def test_cash_is_rejected_as_a_position() -> None:
    raw = pl.DataFrame({"date": ["2025-06-02"], "portfolio_id": ["p"], "asset": ["CASH"], "current_weight": ["0.1"]})
    assert [rule for _, rule, _ in _refusals(POSITIONS, raw)] == ["not_cash"]


def test_an_unknown_restriction_is_rejected_with_the_known_ones() -> None:
    raw = pl.DataFrame({"portfolio_id": [None], "asset": ["AAA"], "restriction": ["never"]}, schema=_TEXTS)
    assert _refusals(RESTRICTION_LIST, raw) == [
        (1, "known_restriction", "restriction is none of no_buy, no_trade, must_sell: got 'never'")
    ]


@pytest.mark.parametrize(
    ("valid_from", "valid_until", "refused"),
    [
        ("2025-06-04", "2025-06-02", ["begins_before_it_ends"]),
        ("2025-06-02", "2025-06-02", []),
        ("2025-06-02", None, []),
        (None, "2025-06-02", []),
        (None, None, []),
        ("2.6.2025", None, ["valid_from|parses"]),
    ],
)
def test_a_restriction_that_ends_before_it_begins_is_rejected(
    valid_from: str | None, valid_until: str | None, refused: list[str]
) -> None:
    row = {"portfolio_id": "core", "asset": "AAA", "restriction": "no_buy"}
    days = {"valid_from": valid_from, "valid_until": valid_until}
    raw = pl.DataFrame([row | days], schema=_TEXTS | dict.fromkeys(days, pl.String))
    assert [rule for _, rule, _ in _refusals(RESTRICTION_LIST, raw)] == refused


def test_a_year_of_two_digits_is_not_of_antiquity() -> None:
    row = {"portfolio_id": "core", "asset": "AAA", "restriction": "no_buy", "valid_until": "0025-06-04"}
    assert [rule for _, rule, _ in _refusals(RESTRICTION_LIST, pl.DataFrame([row]))] == ["valid_until|parses"]


@pytest.mark.parametrize(
    ("close", "rule"),
    [("0", "close|min_exclusive"), ("-1", "close|min_exclusive"), ("inf", "close|inf"), ("", "has_a_price")],
)
def test_a_price_that_is_not_above_0_and_finite_is_rejected(close: str, rule: str) -> None:
    raw = pl.DataFrame({"date": ["2025-06-02"] * 2, "asset": ["AAA", "BBB"], "close": [close, "0.01"]})
    accepted, rejected, *_ = _apply(PRICES, raw)
    assert (rejected["rule"].to_list(), accepted["asset"].to_list()) == ([rule], ["BBB"])


def test_a_declared_decimal_comma_is_read() -> None:
    raw = _score_rows(("02.06.2025", "AAA", "0,7", None), ("02.06.2025", "BBB", "1.000,0", None))
    accepted, rejected, *_ = _apply(SCORES, raw, decimal=",", date_format="%d.%m.%Y")
    assert accepted["score"].to_list() == [0.7]
    assert rejected["row_number"].to_list() == [2]


def test_blanks_around_a_name_are_no_part_of_it() -> None:
    assert _apply(SCORES, _score_rows(("2025-06-02", " AAA\u00a0", "0.7 ", None))).accepted["asset"].to_list() == [
        "AAA"
    ]


def test_rows_of_many_days_have_their_own_day_not_a_future_one() -> None:
    days = ["2025-05-30", "2025-06-02", "2025-06-04", "2025-06-05", "soon"]
    accepted, rejected, *_ = _apply(SCORES, _score_rows(*((day, "AAA", "0.7", None) for day in days)), None)
    assert [day.isoformat() for day in accepted["as_of_date"]] == days[:3]
    assert rejected.select("as_of_date", "rule").rows() == [
        (date(2025, 6, 5), "not_in_the_future"),
        (None, "as_of_date|parses"),
    ]


def test_the_key_of_a_rejected_row_is_returned() -> None:
    raw = _score_rows(("2025-06-02", "AAA", "1.7", None), ("2025-06-02", "BBB", "0.7", None))
    assert _apply(SCORES, raw).repeated.rows() == [(DAY, "default", "AAA")]


_TEXTS = dict.fromkeys(["portfolio_id", "asset", "restriction"], pl.String)
_CELLS = st.sampled_from(
    ["2025-06-02", "2025-06-03", "AAA", "BBB", "ZZZ", "", " ", "0.7", "1.7", "NaN", "x", '"', "é,\n"]
)


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.tuples(_CELLS, _CELLS, _CELLS, _CELLS), min_size=1, max_size=12))
def test_every_row_is_accepted_or_rejected_and_none_is_both(rows: list[tuple[str, ...]]) -> None:
    accepted, rejected, *_ = _apply(SCORES, _score_rows(*rows))
    numbers = accepted["row_number"].to_list() + rejected["row_number"].to_list()
    assert sorted(numbers) == list(range(1, len(rows) + 1))
