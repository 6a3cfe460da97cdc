"""Books to order, drawn from a seed: limits met exactly, odd lots, quantities that agree or do not, dear shares."""

from dataclasses import dataclass
from random import Random
from typing import Any

import polars as pl

from sizing import RebalancingLimits
from sizing.trading.orders import Orders, make_orders
from tests.sizing.trading.reference_orders import UNITS, Account, Line

WEIGHT = pl.Decimal(10, 8)
TARGETS = {
    "portfolio_id": pl.String,
    "asset": pl.String,
    "bucket": pl.String,
    "is_cash": pl.Boolean,
    "current_weight": pl.Int64,
    "post_trade_weight": pl.Int64,
    "trade_reason": pl.String,
    "position_cap": pl.Int64,
}
SECURITIES = {"asset": pl.String, "price": pl.Float64, "lot_size": pl.Float64}
QUANTITIES = {"portfolio_id": pl.String, "asset": pl.String, "quantity": pl.Float64}
ACCOUNTS = {"portfolio_id": pl.String, "portfolio_value": pl.Float64}


@dataclass
class Book:
    """A portfolio before its orders: rows of `TARGETS` in units, its value, quantities that are known, its limits."""

    name: str
    rows: list[tuple[Any, ...]]
    value: float
    quantities: dict[str, float]
    limits: RebalancingLimits

    @property
    def assets(self) -> list[tuple[Any, ...]]:
        return [row for row in self.rows if not row[3]]


def draw_securities(rng: Random, n: int) -> dict[str, tuple[float, float]]:
    """Draw price and lot size of each asset."""
    prices = (lambda: round(rng.uniform(1, 500), 2), lambda: round(rng.uniform(0.5, 2), 6), lambda: 612_345.67)
    return {
        f"a{number:04}": (
            rng.choices(prices, (8, 2, 1))[0](),
            rng.choices((1.0, 100.0, 0.01, 0.5, 10.0), (8, 2, 1, 1, 1))[0],
        )
        for number in range(n)
    }


def draw_book(rng: Random, name: str, securities: dict[str, tuple[float, float]], *, agrees: bool) -> Book:
    """Draw a book whose post-trade weights are within its limits, as trading leaves it."""
    total = rng.choice((UNITS, 95_000_000, 50_000_000))
    value = round(rng.choice((rng.uniform(1_000, 20_000), 10_000.0, rng.uniform(10, 1_000))), 2)
    if agrees:
        value = rng.choice((10_000.0, 100_000.0, 1_000_000.0))  # so that whole lots have weights of eight decimals
    cap = rng.choice((15_000_000, 40_000_000, UNITS))
    most = rng.choice((20_000_000, 60_000_000, UNITS))
    names = rng.sample(sorted(securities), rng.randint(1, min(12, len(securities))))
    current, left, rows, quantities = {}, total, [], {}
    buckets = {asset: rng.choice(("x", "y", "z")) for asset in names}
    room = dict.fromkeys("xyz", most)
    held_left = total + (UNITS - total if rng.random() < 0.2 else 0)
    for asset in names:
        current[asset] = rng.choice((0, rng.randint(0, held_left // 2), rng.randint(0, held_left // 4)))
        price, lot = securities[asset]
        if agrees and current[asset]:
            lots = int(current[asset] * value / UNITS / price / lot)
            current[asset] = 0
            exact = round(lots * lot * price * UNITS / value)
            # Only a holding whose weight has no more than eight decimals agrees with its quantity to the last unit.
            if round(lots * lot * UNITS) * round(price * UNITS) == exact * round(value * UNITS):
                current[asset] = exact
        held_left -= current[asset]
    for asset in names:
        most_now = min(cap, room[buckets[asset]], left)
        post = rng.choice((0, rng.randint(0, max(most_now, 0)), min(current[asset], most_now), most_now))
        room[buckets[asset]] -= post
        left -= post
        reason = rng.choice(("rebalance", "above_cap", "over_allocation")) if post < current[asset] else "rebalance"
        if current[asset] == 0 == post:
            continue
        if current[asset] and rng.random() < 0.7 and not agrees:
            price, lot = securities[asset]
            shares = current[asset] * value / UNITS / price * rng.uniform(0.8, 1.2)
            quantities[asset] = rng.choice((round(shares, 2), float(int(shares)), 0.0))
        elif agrees:
            price, lot = securities[asset]
            quantities[asset] = round(current[asset] * value / UNITS / price / lot) * lot
        own_cap = rng.choice((None, None, cap, rng.randint(min(post, cap), cap)))
        rows.append((name, asset, buckets[asset], False, current[asset], post, reason, own_cap))
    cash = total - sum(current.values())
    rows.append((name, "CASH", None, True, cash, total - sum(row[5] for row in rows), None, None))
    limits = RebalancingLimits(
        max_single_position=cap / UNITS,
        min_position_size=0,
        target_total_allocation=total / UNITS,
        enable_bucket_diversification=rng.random() < 0.8,
        enable_dynamic_sizing=rng.random() < 0.9,
        max_allocation_per_bucket=most / UNITS,
        min_order_value=rng.choice((0.0, 0.0, 100.0, 2_500.0)),
    )
    return Book(name, rows, value, quantities, limits)


def order(books: list[Book], securities: dict[str, tuple[float, float]]) -> Orders:
    """Make the orders of all books at once."""
    weights = pl.col("current_weight", "post_trade_weight", "position_cap")
    targets = pl.DataFrame([row for book in books for row in book.rows], TARGETS, orient="row").with_columns(
        (weights.cast(pl.Decimal(20, 8)) * pl.lit("0.00000001").cast(WEIGHT)).cast(WEIGHT)
    )
    known = [(book.name, asset, quantity) for book in books for asset, quantity in book.quantities.items()]
    return make_orders(
        targets,
        pl.DataFrame([(book.name, book.value) for book in books], ACCOUNTS, orient="row"),
        pl.DataFrame([(name, *numbers) for name, numbers in securities.items()], SECURITIES, orient="row"),
        pl.DataFrame(known, QUANTITIES, orient="row"),
        {book.name: book.limits for book in books},
    )


def as_account(book: Book, securities: dict[str, tuple[float, float]]) -> Account:
    """Return the book as the reference reads it."""
    value, lines, others = round(book.value * UNITS), [], {}
    dynamic = book.limits.enable_dynamic_sizing
    cap = round(book.limits.max_single_position * UNITS) if dynamic else None
    for _, asset, bucket, _, current, post, reason, own_cap in sorted(book.assets, key=lambda row: row[1]):
        price, lot = (round(number * UNITS) for number in securities[asset])
        if current == post:
            others[bucket] = others.get(bucket, 0) + current
            continue
        in_lots = (2 * current * value + lot * price) // (2 * lot * price) * lot
        held = round(book.quantities[asset] * UNITS) if asset in book.quantities else in_lots
        caps = [one for one in (cap, own_cap) if one is not None]
        lines.append(Line(asset, bucket, current, post, reason, price, lot, held, min(caps, default=None)))
    limit = round(book.limits.max_allocation_per_bucket * UNITS)
    is_bucketed = dynamic and book.limits.enable_bucket_diversification
    return Account(
        value=value,
        cash=book.rows[-1][4],
        bucket_limits=dict.fromkeys("xyz", limit) if is_bucketed else {},
        min_value=round(book.limits.min_order_value * UNITS) * UNITS,
        lines=lines,
        others=others,
    )
