"""Names that readers take for one are told, with all of them; others are not."""

import unicodedata
from collections.abc import Callable

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sizing.names import as_name
from tasks.inputs.warnings.lookalikes import describe_lookalikes, find_meant


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Technology", "technology"),
        ("Tech Services", "Tech\u00a0Services"),
        ("Tech Services", "TechServices"),
        ("Tech  Services", "tech services"),
        ("\ufb01nance", "Finance"),
        ("\uff34\uff25\uff23\uff28", "tech"),
        ("STRASSE", "Stra\u00dfe"),
        ("Techn\u00f3logy", "Techno\u0301logy"),
        ("\u212b", "\u00e5"),
        ("\u03a3\u03b1\u03c2", "\u03c3\u03b1\u03c3"),
    ],
)
def test_names_that_look_alike_are_reported_with_both(one: str, other: str) -> None:
    [told] = describe_lookalikes("bucket", pl.Series([one, other, "Energy", one]), "harm")
    assert told.startswith("buckets: ")
    assert all(name in told or ascii(name) in told for name in (one, other))
    assert "Energy" not in told
    assert find_meant(pl.Series([other]), pl.Series([one, "Energy"])) == {other: one}


@pytest.mark.parametrize(("one", "other"), [("Technology", "Techn\u00f3logy"), ("A", "B"), ("A.B", "AB"), ("I", "l")])
def test_names_that_a_reader_tells_apart_are_not_told(one: str, other: str) -> None:
    assert describe_lookalikes("bucket", pl.Series([one, other, None]), "harm") == ()


def test_many_are_counted() -> None:
    names = [f"{letter}{n:02}" for n in range(25) for letter in "aA"]
    told = describe_lookalikes("asset", pl.Series(names), "harm")
    assert [sentence[:23] for sentence in told[:2]] == ["assets: A00 and a00 dif", "assets: A01 and a01 dif"]
    assert (len(told), "15 more" in told[-1]) == (11, True)


@settings(deadline=None)  # a busy machine is slow
@given(
    st.text("abs\u00e9\u00fc\u00c5Z- ", min_size=1, max_size=8).filter(str.strip),
    st.sampled_from([str.upper, str.lower, str.swapcase, str.title]),
    st.sampled_from(["", " ", "\u00a0", "\u3000"]),
)
def test_capitals_blanks_and_composition_never_set_names_apart(
    name: str, spelled: Callable[[str], str], blank: str
) -> None:
    one, other = as_name(name), as_name(unicodedata.normalize("NFD", spelled(f"{name[:1]}{blank}{name[1:]}")))
    assert len(describe_lookalikes("bucket", pl.Series([one, other]), "harm")) == (one != other)
