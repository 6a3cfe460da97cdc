"""The book between days: worked by hand, and against a slow loop in fractions."""

from decimal import Decimal
from fractions import Fraction
from math import floor

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sizing.frames.day_inputs import Holdings
from sizing.frames.schema import validate
from sizing.trading.marking import mark_books
from tests.helpers.examples import examples

UNIT = Decimal("0.00000001")
SCHEMA = {"portfolio_id": pl.String, "asset": pl.String, "current_weight": pl.Decimal(10, 8), "growth": pl.Float64}

Book = dict[str, tuple[int, float | None]]
"""Units and growth of each asset."""


def marked(**books: Book) -> dict[str, dict[str, int]]:
    rows = [
        (name, asset, units * UNIT, growth) for name, book in books.items() for asset, (units, growth) in book.items()
    ]
    found = validate(Holdings, mark_books(pl.DataFrame(rows, SCHEMA, orient="row")), "marked")
    result: dict[str, dict[str, int]] = {name: {} for name in books}
    for name, asset, weight in found.iter_rows():
        result[name][asset] = int(weight / UNIT)
    return result


def slowly(book: Book) -> dict[str, int]:
    """Return the marked book, one asset after the other, in fractions."""
    weights = {asset: Fraction(units, 10**8) for asset, (units, _) in book.items()}
    value = Fraction(1)
    for asset, (_, growth) in book.items():
        if growth is None:
            return {name: units for name, (units, _) in book.items() if units}
        value += weights[asset] * (Fraction(round(growth * 2**52), 2**52) - 1)
    moved = {asset: weights[asset] * Fraction(round(book[asset][1] * 2**52), 2**52) / value for asset in book}
    rounded = {asset: floor(weight * 10**8 + Fraction(1, 2)) for asset, weight in moved.items()}
    return {asset: units for asset, units in rounded.items() if units}


@pytest.mark.parametrize(
    ("book", "expected"),
    [
        # 0.5 rises by a tenth, 0.3 falls by a fifth, 0.2 is cash: worth 0.99, so 0.55/0.99 and 0.24/0.99.
        ({"A": (50_000_000, 1.1), "B": (30_000_000, 0.8)}, {"A": 55_555_556, "B": 24_242_424}),
        # All rise alike, a half is cash: 0.75/1.25.
        ({"A": (50_000_000, 1.5)}, {"A": 60_000_000}),
        # Nothing is cash: a rise of all changes no weight.
        ({"A": (40_000_000, 1.25), "B": (60_000_000, 1.25)}, {"A": 40_000_000, "B": 60_000_000}),
        # The value stays 1: both are one unit and a half, which is rounded up.
        ({"A": (1, 1.5), "B": (2, 0.75)}, {"A": 2, "B": 2}),
        # The value is half a unit more than 1: less than one unit and a half.
        ({"A": (1, 1.5)}, {"A": 1}),
        # A unit that falls below a half is no holding any more.
        ({"A": (1, 0.25), "B": (10_000_000, 1.0)}, {"B": 10_000_000}),
        # One growth is not known: the book stays as it is.
        ({"A": (50_000_000, 1.1), "B": (30_000_000, None)}, {"A": 50_000_000, "B": 30_000_000}),
        ({}, {}),
    ],
)
def test_books_by_hand(book: Book, expected: dict[str, int]) -> None:
    assert marked(P=book)["P"] == expected


def test_a_book_that_would_be_worth_nothing_stays() -> None:
    book: Book = {"A": (90_000_000, 0.001), "B": (60_000_000, 0.001)}
    assert marked(P=book)["P"] == {"A": 90_000_000, "B": 60_000_000}


def test_the_largest_numbers_are_exact() -> None:
    book: Book = {"A": (100_000_000, 1e6), "B": (100_000_000, 1e6)}
    assert marked(P=book)["P"] == slowly(book)


@st.composite
def books(draw: st.DrawFn) -> Book:
    """Draw a book of at most 1, often of exactly 1, sometimes with a growth that is not known."""
    cuts = sorted(draw(st.lists(st.integers(0, 10**8), min_size=1, max_size=6, unique=True)))
    total = draw(st.sampled_from([10**8, cuts[-1]]))
    units = [after - before for before, after in zip([0, *cuts], [*cuts, total], strict=True) if after > before]
    growth = st.one_of(st.floats(0.05, 3), st.sampled_from([1.0, 0.5, 1.5]))
    moves = st.one_of(growth, st.none()) if draw(st.integers(0, 4)) == 0 else growth
    return {f"A{number}": (one, draw(moves)) for number, one in enumerate(units)}


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(books(), min_size=1, max_size=4))
def test_every_book_is_that_of_a_slow_loop(drawn: list[Book]) -> None:
    named = {f"P{number}": book for number, book in enumerate(drawn)}
    found = marked(**named)
    assert found == {name: slowly(book) for name, book in named.items()}
    # Half up of a weight adds at most half a unit to the sum.
    assert all(2 * (sum(found[name].values()) - 10**8) <= len(found[name]) for name in found)
    shuffled = {name: dict(sorted(book.items(), reverse=True)) for name, book in sorted(named.items(), reverse=True)}
    assert marked(**shuffled) == found
    assert marked(P0=drawn[0])["P0"] == found["P0"]


@given(books())
def test_growth_of_one_changes_nothing(book: Book) -> None:
    assert marked(P={asset: (units, 1.0) for asset, (units, _) in book.items()})["P"] == {
        asset: units for asset, (units, _) in book.items()
    }
