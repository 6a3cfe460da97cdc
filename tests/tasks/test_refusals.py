"""Each row of a file is accepted, or refused with the rule it broke. None is lost."""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.contracts import ASSETS, POSITIONS, RESTRICTION_LIST, SCORES, Contract
from tasks.refusals import apply_contract

DAY = date(2025, 6, 2)


def _score_rows(*rows: tuple[str | None, ...]) -> pl.DataFrame:
    columns = ["date", "asset", "score", "technical_score"]
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")


def _refusals(contract: Contract, raw: pl.DataFrame) -> list[tuple[int, str, str]]:
    _, rejected = apply_contract(contract, raw, DAY)
    return rejected.select("row_number", "rule", "reason").rows()


@pytest.mark.parametrize(
    ("row", "rule", "reason"),
    [
        (("2025-06-02", "AAA", "1.7", None), "score|max", "score is above 1"),
        (("2025-06-02", "AAA", "-0.1", None), "score|min", "score is below 0"),
        (("2025-06-02", "AAA", "NaN", None), "score|nan", "score is not a number"),
        (("2025-06-02", "AAA", "inf", None), "score|inf", "score is not finite"),
        (("2025-06-02", "AAA", "high", None), "score|parses", "score cannot be read as a number"),
        (("2025-06-02", "AAA", "0,7", None), "score|parses", "score cannot be read as a number"),
        (("2025-06-02", "AAA", None, " "), "has_a_score", "no score and no part of one"),
        (("2025-06-02", "", "0.7", None), "asset|nullability", "asset is missing"),
        (("2025-06-03", "AAA", "0.7", None), "of_the_day", "the row is not of the file's day"),
        (
            ("02.06.2025", "AAA", "0.7", None),
            "as_of_date|parses",
            "date cannot be read as a date like 2024-12-02",
        ),
    ],
)
def test_a_bad_score_row_is_refused_in_words_and_the_good_one_goes_on(
    row: tuple[str | None, ...], rule: str, reason: str
) -> None:
    raw = _score_rows(row, ("2025-06-02", "BBB", "0.8", None))
    accepted, rejected = apply_contract(SCORES, raw, DAY)
    assert accepted["asset"].to_list() == ["BBB"]
    assert rejected.select("row_number", "rule", "reason").rows() == [(1, rule, reason)]


def test_a_refused_row_is_kept_as_it_came() -> None:
    _, rejected = apply_contract(SCORES, _score_rows(("2025-06-02", "AAA", "1.7", None)), DAY)
    assert rejected["row_json"].to_list() == [
        '{"date":"2025-06-02","asset":"AAA","score":"1.7","technical_score":null}'
    ]


def test_both_rows_of_a_duplicate_are_refused_since_neither_can_be_trusted() -> None:
    raw = _score_rows(("2025-06-02", "AAA", "0.7", None), ("2025-06-02", "AAA", "0.9", None))
    assert [(number, rule) for number, rule, _ in _refusals(SCORES, raw)] == [(1, "primary_key"), (2, "primary_key")]


def test_the_same_asset_of_two_models_is_no_duplicate() -> None:
    raw = pl.DataFrame(
        {"date": ["2025-06-02"] * 2, "asset": ["AAA"] * 2, "model": ["value", None], "score": ["0.7", "0.6"]}
    )
    accepted, _ = apply_contract(SCORES, raw, DAY)
    assert accepted["model"].to_list() == ["value", "default"]


def test_a_score_of_exactly_0_or_1_is_accepted() -> None:
    raw = _score_rows(("2025-06-02", "AAA", "0", None), ("2025-06-02", "BBB", "1", None))
    assert _refusals(SCORES, raw) == []


@pytest.mark.parametrize("bucket", [None, "", "  "])
def test_an_asset_without_a_bucket_is_refused_from_the_asset_list(bucket: str | None) -> None:
    raw = pl.DataFrame({"asset": ["AAA", "BBB"], "bucket": ["Energy", bucket]})
    assert _refusals(ASSETS, raw) == [(2, "bucket|nullability", "bucket is missing")]


def test_a_position_is_stored_with_eight_decimals() -> None:
    raw = pl.DataFrame(
        {"date": ["2025-06-02"], "portfolio_id": ["p"], "asset": ["AAA"], "current_weight": ["0.123456789"]}
    )
    accepted, _ = apply_contract(POSITIONS, raw, DAY)
    assert accepted["current_weight"].to_list() == [Decimal("0.12345679")]


def test_cash_is_refused_as_a_position() -> None:
    raw = pl.DataFrame({"date": ["2025-06-02"], "portfolio_id": ["p"], "asset": ["CASH"], "current_weight": ["0.1"]})
    assert [rule for _, rule, _ in _refusals(POSITIONS, raw)] == ["not_cash"]


def test_an_unknown_restriction_is_refused_with_the_known_ones() -> None:
    raw = pl.DataFrame({"portfolio_id": [None], "asset": ["AAA"], "restriction": ["never"]}, schema=_TEXTS)
    assert _refusals(RESTRICTION_LIST, raw) == [
        (1, "known_restriction", "restriction is none of no_buy, no_trade, must_sell")
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
def test_a_restriction_that_ends_before_it_begins_is_refused(
    valid_from: str | None, valid_until: str | None, refused: list[str]
) -> None:
    row = {"portfolio_id": "core", "asset": "AAA", "restriction": "no_buy"}
    days = {"valid_from": valid_from, "valid_until": valid_until}
    raw = pl.DataFrame([row | days], schema=_TEXTS | dict.fromkeys(days, pl.String))
    assert [rule for _, rule, _ in _refusals(RESTRICTION_LIST, raw)] == refused


_TEXTS = dict.fromkeys(["portfolio_id", "asset", "restriction"], pl.String)
_CELLS = st.sampled_from(
    ["2025-06-02", "2025-06-03", "AAA", "BBB", "ZZZ", "", " ", "0.7", "1.7", "NaN", "x", '"', "é,\n"]
)


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.tuples(_CELLS, _CELLS, _CELLS, _CELLS), min_size=1, max_size=12))
def test_every_row_is_accepted_or_refused_and_none_is_both(rows: list[tuple[str, ...]]) -> None:
    accepted, rejected = apply_contract(SCORES, _score_rows(*rows), DAY)
    numbers = accepted["row_number"].to_list() + rejected["row_number"].to_list()
    assert sorted(numbers) == list(range(1, len(rows) + 1))
