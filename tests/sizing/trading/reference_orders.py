"""Orders written again from docs/trading.md: one portfolio, one asset, one lot at a time, in Python's whole numbers."""

from dataclasses import dataclass, field
from fractions import Fraction

UNITS = 10**8
RELEASED = ("above_cap", "above_bucket_limit", "over_allocation")


@dataclass
class Line:
    """A traded asset; quantities and prices in 1e-8, weights in units of 1e-8."""

    asset: str
    bucket: str
    current: int
    post_trade: int
    reason: str
    price: int
    lot: int
    held: int
    cap: int | None
    lots: int = 0

    @property
    def is_buy(self) -> bool:
        return self.post_trade > self.current

    @property
    def is_close(self) -> bool:
        return self.post_trade == 0

    @property
    def lot_value(self) -> int:
        return self.price * self.lot

    @property
    def change(self) -> int:
        """Return what is bought, negative what is sold, in 1e-8 shares."""
        return -self.held if self.is_close else self.lots * self.lot

    @property
    def value_after(self) -> int:
        return (self.held + self.change) * self.price


@dataclass
class Account:
    """A portfolio: its value in 1e-8, its cash and its limits in units, what it holds besides in units by bucket."""

    value: int
    cash: int
    bucket_limits: dict[str, int]
    min_value: int
    lines: list[Line]
    others: dict[str, int] = field(default_factory=dict)

    def cash_left(self, lines: list[Line]) -> int:
        return self.cash * self.value - sum(line.change * line.price for line in lines)

    def bucket_excess(self, bucket: str) -> int:
        """Return what a bucket has above its limit; below 0 there is room."""
        if bucket not in self.bucket_limits:
            return -(10**40)
        held = sum(line.value_after for line in self.lines if line.bucket == bucket)
        return held + self.others.get(bucket, 0) * self.value - self.bucket_limits[bucket] * self.value

    def is_small(self, line: Line) -> bool:
        is_exempt = line.is_close or line.reason in RELEASED
        return not is_exempt and abs(line.lots) * line.lot_value < self.min_value

    def missing(self, line: Line) -> float:
        """Return the lots that are missing to the planned value."""
        return float(line.post_trade * self.value - line.value_after) / float(line.lot_value)


def fill(account: Account) -> None:
    """Set the lots of every line."""
    for line in account.lines:
        wanted = Fraction(line.post_trade * account.value - line.held * line.price, line.lot_value)
        whole = wanted.numerator // wanted.denominator
        line.lots = max(whole, 0) if line.is_buy else max(min(whole, 0), -(line.held // line.lot))
    _drop_small(account)
    for bucket in sorted({line.bucket for line in account.lines}):
        _give_back(account, [line for line in account.lines if line.bucket == bucket], bucket)
    _give_back(account, account.lines, None)
    for line in account.lines:
        if line.is_buy and account.is_small(line):
            line.lots = 0
    _add_single_lots(account)


def _drop_small(account: Account) -> None:
    planned = {id(line): line.lots for line in account.lines}
    small = [line for line in account.lines if account.is_small(line)]
    for line in account.lines:
        if line.is_buy or line in small:
            line.lots = 0
    lacks_cash = account.cash_left(account.lines) < 0
    above = {line.bucket for line in account.lines if account.bucket_excess(line.bucket) > 0}
    for line in account.lines:
        is_above_cap = line.cap is not None and line.held * line.price > line.cap * account.value
        is_needed = not line.is_buy and (is_above_cap or line.bucket in above or lacks_cash)
        line.lots = planned[id(line)] if line not in small or is_needed else 0


def _give_back(account: Account, lines: list[Line], bucket: str | None) -> None:
    given = {id(line): 0 for line in lines}
    first = {id(line): account.missing(line) for line in lines}

    def exceeds() -> bool:
        return account.cash_left(account.lines) < 0 if bucket is None else account.bucket_excess(bucket) > 0

    while exceeds():
        givers = [line for line in lines if line.is_buy and line.lots > 0]
        if not givers:
            return
        giver = min(givers, key=lambda line: (given[id(line)], first[id(line)], line.asset))
        giver.lots -= 1
        given[id(giver)] += 1


def _add_single_lots(account: Account) -> None:
    def may_grow(line: Line) -> bool:
        if line.is_close or account.missing(line) <= 0 or (line.lots >= 0 and not line.is_buy):
            return False
        after = line.lots + 1
        is_large = after * line.lot_value >= account.min_value
        if not line.is_buy:
            is_large = line.reason in RELEASED or after == 0 or -after * line.lot_value >= account.min_value
        fits = line.cap is None or line.value_after + line.lot_value <= line.cap * account.value
        return is_large and fits

    for line in sorted(filter(may_grow, account.lines), key=lambda one: (-account.missing(one), one.asset)):
        has_room = account.bucket_excess(line.bucket) + line.lot_value <= 0
        if line.lot_value <= account.cash_left(account.lines) and has_room:
            line.lots += 1
