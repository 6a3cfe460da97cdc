"""Every guarantee of orders (docs/trading.md) on drawn books, and the orders of a slow loop, lot by lot."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sizing.trading.orders import ORDERED, Orders
from tests.helpers.examples import examples
from tests.sizing.trading.order_books import Book, as_account, draw_book, draw_securities, order
from tests.sizing.trading.reference_orders import UNITS, Account, Line, fill

N_BOOKS = 6


def draw(seed: int, *, agrees: bool) -> tuple[list[Book], dict[str, tuple[float, float]]]:
    rng = Random(seed)
    securities = draw_securities(rng, rng.randint(1, 15))
    return [draw_book(rng, f"p{number}", securities, agrees=agrees) for number in range(N_BOOKS)], securities


def ordered(orders: Orders, name: str) -> dict[str, int]:
    """Return what is bought of each asset, negative what is sold, in 1e-8 shares."""
    rows = orders.orders.filter(portfolio_id=name).select("asset", "side", "quantity").iter_rows()
    return {asset: int(quantity * UNITS) * (1 if side == "buy" else -1) for asset, side, quantity in rows}


def changes(account: Account) -> dict[str, int]:
    return {line.asset: line.change for line in account.lines if line.change}


@pytest.mark.parametrize("agrees", [False, True])
@given(seed=st.integers(0, 2**32))
@settings(max_examples=examples(40), deadline=None)
def test_orders_are_those_of_the_slow_loop(seed: int, agrees: bool) -> None:  # noqa: FBT001 - a parameter
    books, securities = draw(seed, agrees=agrees)
    orders = order(books, securities)
    for book in books:
        account = as_account(book, securities)
        fill(account)
        assert ordered(orders, book.name) == changes(account)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=examples(40), deadline=None)
def test_orders_are_financed_and_within_the_limits(seed: int) -> None:
    books, securities = draw(seed, agrees=False)
    orders = order(books, securities)
    for book in books:
        account, bought = as_account(book, securities), ordered(orders, book.name)
        moved = {line.asset: bought.get(line.asset, 0) for line in account.lines}
        _require_financed(account, moved)
        for line in account.lines:
            _require_line(account, line, moved[line.asset])
        for bucket, limit in account.bucket_limits.items():
            lines = [line for line in account.lines if line.bucket == bucket]
            after = sum((line.held + moved[line.asset]) * line.price for line in lines)
            is_within = after + account.others.get(bucket, 0) * account.value <= limit * account.value
            assert is_within or not any(moved[line.asset] > 0 for line in lines)
        assert set(bought) <= {line.asset for line in account.lines}  # nothing in what is held back


def _require_financed(account: Account, moved: dict[str, int]) -> None:
    spent = sum(moved[line.asset] * line.price for line in account.lines)
    assert account.cash * account.value - spent >= 0 or not any(change > 0 for change in moved.values())


def _require_line(account: Account, line: Line, change: int) -> None:
    """Compare one order with its trade: its side, its lots, its cap, its least value."""
    assert change * (line.post_trade - line.current) >= 0
    assert line.held + change >= 0
    if line.is_close:
        assert change == -line.held
        return
    assert change % line.lot == 0
    if change > 0 and line.cap is not None:
        assert (line.held + change) * line.price <= line.cap * account.value
    if change > 0:
        assert change * line.price >= account.min_value


@given(seed=st.integers(0, 2**32))
@settings(max_examples=examples(40), deadline=None)
def test_each_weight_is_within_a_lot_where_quantities_agree(seed: int) -> None:
    books, securities = draw(seed, agrees=True)
    books = [book for book in books if book.limits.min_order_value == 0]
    if not books:
        return
    orders = order(books, securities)
    for book in books:
        account, bought = as_account(book, securities), ordered(orders, book.name)
        for line in account.lines:
            after = (line.held + bought.get(line.asset, 0)) * line.price
            assert abs(after - line.post_trade * account.value) < line.lot_value


@given(seed=st.integers(0, 2**32))
@settings(max_examples=examples(20), deadline=None)
def test_cash_never_dips_in_the_order_of_the_ranks(seed: int) -> None:
    books, securities = draw(seed, agrees=False)
    orders = order(books, securities)
    assert set(orders.status["status"]) <= {ORDERED, "no_trades"}
    for book in books:
        account = as_account(book, securities)
        prices = {line.asset: line.price for line in account.lines}
        cash = account.cash * account.value
        lowest = min(cash, 0)
        rows = orders.orders.filter(portfolio_id=book.name).sort("order_rank")
        assert rows["order_rank"].to_list() == list(range(1, rows.height + 1))
        for asset, change in ((asset, ordered(orders, book.name)[asset]) for asset in rows["asset"]):
            cash -= change * prices[asset]
            assert cash >= lowest


@given(seed=st.integers(0, 2**32))
@settings(max_examples=examples(20), deadline=None)
def test_other_portfolios_and_the_order_of_rows_do_not_matter(seed: int) -> None:
    books, securities = draw(seed, agrees=False)
    together = order(books, securities)
    Random(seed).shuffle(books[0].rows)
    alone = order(books[:1], dict(reversed(securities.items())))
    assert together.orders.filter(portfolio_id="p0").equals(alone.orders)
    assert together.status.filter(portfolio_id="p0").equals(alone.status)
