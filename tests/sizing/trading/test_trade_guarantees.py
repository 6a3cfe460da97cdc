"""What trades promise, whatever the book and the limits: docs/trading.md, number by number."""

from itertools import combinations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.examples import examples
from tests.sizing.trading.books import Book, books, limits_of, trades_of
from tests.sizing.trading.reference_trades import UNITS, Line, Rules

many_books = st.lists(books(), min_size=1, max_size=12)
properties = settings(deadline=None, max_examples=examples(25))


def units(name: str) -> pl.Expr:
    return pl.col(f"{name}_weight").to_physical().cast(pl.Int64)


def after(books: list[Book]) -> list[dict[str, int]]:
    """Return what each book holds when its trades are done, in units."""
    traded = trades_of(books).assets.with_columns(units=units("post_trade"))
    parts = traded.partition_by("portfolio_id", as_dict=True)
    return [dict(parts[(f"{number:06d}",)].select("asset", "units").iter_rows()) for number in range(len(books))]


def within(book: dict[str, int], lines: list[Line], rules: Rules) -> bool:
    """Whether a book is within cap, bucket limits and total; immovable rows raise each limit to what they hold."""
    by_name = {line.asset: line for line in lines}
    groups = [(rules.total, list(by_name))]
    for bucket in {line.bucket for line in lines}:
        limit = rules.bucket_limit(bucket)
        if limit is not None:
            groups.append((limit, [line.asset for line in lines if line.bucket == bucket]))
    sums = all(
        sum(book[asset] for asset in members)
        <= max(limit, sum(by_name[asset].current for asset in members if by_name[asset].is_immovable))
        for limit, members in groups
    )
    caps = rules.cap is None or all(
        weight <= rules.cap for asset, weight in book.items() if not by_name[asset].is_immovable
    )
    return sums and caps


@given(many_books)
@properties
def test_the_book_adds_up_and_cash_pays_for_it(many: list[Book]) -> None:
    traded = trades_of(many)
    assert (traded.assets["post_trade_weight"] == traded.assets["current_weight"] + traded.assets["trade_weight"]).all()
    totals = traded.assets.group_by("portfolio_id").agg(
        before=units("current").sum(), trade=units("trade").sum(), after=units("post_trade").sum()
    )
    summary = traded.portfolios.join(totals, on="portfolio_id")
    assert (summary.select(units("invested_before")).to_series() == summary["before"]).all()
    assert (summary.select(units("invested_after")).to_series() == summary["after"]).all()
    assert (summary.select(units("bought") - units("sold")).to_series() == summary["trade"]).all()
    for number, (_, rules) in enumerate(many):
        own = summary.filter(pl.col("portfolio_id") == f"{number:06d}")
        assert own.select(units("cash_after")).item() == rules.total - own["after"].item()


@given(many_books)
@properties
def test_no_book_is_above_its_limits_unless_immovable_rows_alone_are(many: list[Book]) -> None:
    for (lines, rules), book in zip(many, after(many), strict=True):
        assert within(book, lines, rules), (lines, rules)


@given(many_books)
@properties
def test_a_trade_leads_to_its_target_and_never_beyond(many: list[Book]) -> None:
    for (lines, _), book in zip(many, after(many), strict=True):
        for line in lines:
            trade = book[line.asset] - line.current
            assert trade * line.change >= 0
            assert abs(trade) <= abs(line.change)


@given(many_books)
@properties
def test_without_band_minimum_and_turnover_the_book_is_the_target(many: list[Book]) -> None:
    free = [(lines, Rules(rules.total, rules.cap, rules.bucket, rules.buckets)) for lines, rules in many]
    for (lines, _), book in zip(free, after(free), strict=True):
        assert book == {line.asset: line.target for line in lines}


@given(many_books)
@properties
def test_a_second_day_with_the_same_targets_trades_nothing(many: list[Book]) -> None:
    one_day = [(lines, _without_turnover(rules)) for lines, rules in many]
    again = [
        ([Line(one.asset, one.bucket, book[one.asset], one.target, one.is_immovable) for one in lines], rules)
        for (lines, rules), book in zip(one_day, after(one_day), strict=True)
    ]
    assert trades_of(again).assets["trade_weight"].to_list() == [0] * sum(len(lines) for lines, _ in again)


def _without_turnover(rules: Rules) -> Rules:
    return Rules(rules.total, rules.cap, rules.bucket, rules.buckets, rules.band, rules.min_trade)


@given(many_books)
@properties
def test_no_smaller_set_of_releases_would_do(many: list[Book]) -> None:
    one_day = [(lines, _without_turnover(rules)) for lines, rules in many]
    traded = trades_of(one_day).assets.partition_by("portfolio_id", as_dict=True)
    for number, ((lines, rules), book) in enumerate(zip(one_day, after(one_day), strict=True)):
        reasons = dict(traded[(f"{number:06d}",)].select("asset", "trade_reason").iter_rows())
        codes = ("above_cap", "above_bucket_limit", "over_allocation")
        released = [line for line in lines if reasons[line.asset] in codes]
        held = [line for line in lines if reasons[line.asset].startswith("held_by") and line.change < 0]
        start = book | {line.asset: line.current for line in released}
        for line in released:
            assert not within(book | {line.asset: line.current}, lines, rules)
        for fewer in combinations([*released, *held], max(len(released) - 1, 0)):
            assert not released or not within(start | {line.asset: line.target for line in fewer}, lines, rules)


@given(many_books)
@properties
def test_in_the_order_of_trades_cash_never_dips(many: list[Book]) -> None:
    traded = trades_of(many).assets.filter(pl.col("trade_rank").is_not_null()).sort("portfolio_id", "trade_rank")
    for number, (lines, rules) in enumerate(many):
        cash = start = rules.total - sum(line.current for line in lines)
        own = traded.filter(pl.col("portfolio_id") == f"{number:06d}")
        assert own["trade_rank"].to_list() == list(range(1, own.height + 1))
        for trade in own.select(units("trade")).to_series():
            cash -= trade
            assert cash >= min(start, 0)


@given(many_books)
@properties
def test_turnover_is_within_its_limit_unless_the_mandatory_trades_alone_are_above(many: list[Book]) -> None:
    summary = trades_of(many).portfolios.with_columns(
        traded=(pl.col("turnover") * 2).cast(pl.Float64), needed=(pl.col("mandatory_turnover") * 2).cast(pl.Float64)
    )
    for number, (_, rules) in enumerate(many):
        own = summary.filter(pl.col("portfolio_id") == f"{number:06d}").row(0, named=True)
        if rules.max_turnover is None:
            assert own["mandatory_turnover"] is None
        else:
            most = max(2 * rules.max_turnover, round(own["needed"] * UNITS))
            assert round(own["traded"] * UNITS) <= most


@given(many_books, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=examples(8))
def test_neither_the_order_of_rows_nor_other_portfolios_matter(many: list[Book], random: st.DataObject) -> None:
    shuffled = [(random.sample(lines, len(lines)), rules) for lines, rules in many]
    together = after(many)
    assert after(shuffled) == together
    assert [after([book])[0] for book in many] == together


def test_the_limits_of_a_book_are_those_of_the_product() -> None:
    assert limits_of(Rules(total=95_000_000, cap=15_000_000, max_turnover=1)).max_turnover == 1e-8
