"""What a name is: one rule for text and for columns, compared with what Unicode says of every character."""

import unicodedata

import dataframely as dy
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from sizing.limits.model import RebalancingLimits
from sizing.names import MOST_CHARACTERS, Name, TypedName, as_name, as_names, fault, name_column

EXOTIC = (
    "A\u00e9e\u0301\u1e9b\u0323\uac00\u1100\u1161\u212b\u0344"
    "\u3164\u2800\ufe0f\u200b\u200d\u202e\xad\u034f\xa0\u2028\x1b\x7f\t "
)
"""Letters, marks that compose, letters with one form only, what cannot be seen, and blanks."""
EVERY = [chr(one) for one in range(0x110000) if not 0xD800 <= one <= 0xDFFF]


class Named(dy.Schema):
    name = name_column()


def kept(texts: list[str]) -> list[str | None]:
    """Return the name of each text as a column keeps it; None where it is rejected."""
    names = pl.DataFrame({"name": texts}, schema={"name": pl.String}).select(as_names(pl.col("name")))
    good = set(Named.filter(names)[0]["name"].to_list())
    return [name if name in good else None for name in names["name"].to_list()]


def typed(text: str) -> str | None:
    try:
        return TypeAdapter(TypedName).validate_python(text)
    except ValidationError:
        return None


@given(st.lists(st.text() | st.text(EXOTIC, max_size=6) | st.text(EXOTIC, max_size=3).map(lambda text: f"{text}CASH")))
def test_text_and_columns_have_the_same_names(texts: list[str]) -> None:
    assert kept(texts) == [typed(text) for text in texts]


@given(st.text() | st.text(EXOTIC))
def test_a_name_stays_a_name_and_is_composed_and_trimmed(text: str) -> None:
    name = as_name(text)
    assert as_name(name) == name == as_name(f" {text}\u3000")
    if typed(text) is not None:
        assert TypeAdapter(Name).validate_python(name) == name
        assert unicodedata.is_normalized("NFC", name)
        assert name == name.strip()


@pytest.mark.slow
def test_no_character_that_cannot_be_seen_is_part_of_a_name() -> None:
    every = pl.Series("one", EVERY)
    unseen = every.str.contains(
        r"[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]"
    )
    extras = {"\u2800", "\U00016fe4", "\U0001d159"}  # blank to the eye, though Unicode counts them as graphic
    assert {one for one, is_unseen in zip(EVERY, unseen, strict=True) if is_unseen} | extras == {
        one for one in EVERY if "cannot be seen" in fault(f"A{one}A")
    }
    assert [name is None for name in kept([f"A{one}A" for one in EVERY])] == [bool(fault(f"A{one}A")) for one in EVERY]


def test_blanks_around_a_name_are_those_of_unicode() -> None:
    every = pl.Series("one", EVERY)
    blank = every.filter(every.str.strip_chars() == "").to_list()
    assert every.to_frame().filter(as_names(pl.col("one")) == "")["one"].to_list() == blank
    assert sorted(one for one in {*blank, *filter(str.isspace, EVERY)} if not as_name(one)) == blank


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "at least (one|1)"),
        (" ", "blanks around"),
        ("core ", "blanks around"),
        ("\u00a0core", "blanks around"),
        ("CASH", "CASH is what"),
        ("A" * (MOST_CHARACTERS + 1), f"at most {MOST_CHARACTERS}"),
        ("co\x1bre", r"U\+001B cannot be seen"),
        ("AAA\u3164", r"U\+3164 cannot be seen"),
        ("\ud800", r"U\+D800 cannot be seen|valid string"),
    ],
)
@pytest.mark.parametrize(
    "limit", ["model", "exclude_assets", "include_buckets", "max_allocation_by_bucket", "score_tiers"]
)
def test_a_limit_that_names_something_holds_to_the_rule(limit: str, text: str, said: str) -> None:
    values = {"model": text, "max_allocation_by_bucket": {text: 0.1}, "score_tiers": [[0.5, text, 1]]}
    with pytest.raises(ValidationError, match=said):
        RebalancingLimits(**{limit: values.get(limit, [text])})  # type: ignore[arg-type]


def test_names_in_limits_are_composed() -> None:
    limits = RebalancingLimits(exclude_assets=("Cafe\u0301",), max_allocation_by_bucket={"Techno\u0301": 0.2})
    assert limits.exclude_assets == ("Caf\u00e9",)
    assert limits.max_allocation_by_bucket == {"Techn\u00f3": 0.2}


@pytest.mark.parametrize("limit", ["max_total_positions", "max_single_position", "replacement_margin", "model"])
def test_true_is_neither_a_number_nor_a_name(limit: str) -> None:
    with pytest.raises(ValidationError):
        RebalancingLimits(**{limit: True})
    with pytest.raises(ValidationError):
        RebalancingLimits(max_allocation_by_bucket={"Tech": True})
