"""Trades against a slow loop: random books, and every small book there is."""

from fractions import Fraction
from itertools import product

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.examples import ALL_EXAMPLES, examples
from tests.sizing.trading.books import Book, after_of, books, obeying, trades_of
from tests.sizing.trading.reference_trades import Line, Rules, trade


def assert_agrees(many: list[Book]) -> None:
    trades = trades_of(many)
    after = trades.assets.with_columns(units=(pl.col("post_trade_weight").to_physical()).cast(pl.Int64)).partition_by(
        "portfolio_id", as_dict=True
    )
    for number, (lines, rules) in enumerate(many):
        own = after[(f"{number:06d}",)]
        assert dict(own.select("asset", "units").iter_rows()) == trade(lines, rules).after, (lines, rules)


@settings(deadline=None, max_examples=examples(50))
@given(st.lists(books(), min_size=1, max_size=12))
def test_random_books_agree(many: list[Book]) -> None:
    assert_agrees(many)


RULES = [
    Rules(total=9, cap=4, bucket=6, band=Fraction(1, 4)),
    Rules(total=7, cap=3, bucket=5, band=Fraction(1, 2), min_trade=2),
    Rules(total=8, cap=3, bucket=5, band=Fraction(1, 4), max_turnover=1),
    Rules(total=8, cap=4, bucket=5, band=Fraction(1, 2), min_trade=2, max_turnover=2),
    Rules(total=6, band=Fraction(1, 4), max_turnover=1),
]


LARGEST = 4 if ALL_EXAMPLES else 3


@pytest.mark.drawn
@pytest.mark.parametrize("rules", [RULES[0], *(pytest.param(one, marks=pytest.mark.slow) for one in RULES[1:])])
def test_every_small_book_agrees(rules: Rules) -> None:
    many = [
        (
            obeying(
                [Line(asset, bucket, u, w) for asset, bucket, u, w in zip("abc", "xxy", held, wanted, strict=True)],
                rules,
            ),
            rules,
        )
        for held in product(range(LARGEST + 1), repeat=3)
        for wanted in product(range(LARGEST + 1), repeat=3)
        if sum(held) <= 10
    ]
    assert_agrees(list({str(book): book for book in many}.values()))


def test_after_of_reads_one_portfolio() -> None:
    book = [Line("a", "x", 4, 2)], Rules(total=10)
    assert after_of(trades_of([book, book]), 1) == {"a": 2}
