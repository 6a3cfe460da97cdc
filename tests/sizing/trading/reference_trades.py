"""A slow, plain loop over one portfolio's book, written from the rules of trading alone: whole units, no frames."""

from dataclasses import dataclass, field
from fractions import Fraction

UNITS = 10**8


@dataclass(frozen=True)
class Line:
    """One asset of a book, in units."""

    asset: str
    bucket: str
    current: int
    target: int
    is_immovable: bool = False
    must_close: bool = False

    @property
    def change(self) -> int:
        return self.target - self.current


@dataclass(frozen=True)
class Rules:
    """The limits of one portfolio, in units; None: there is no such limit."""

    total: int
    cap: int | None = None
    bucket: int | None = None
    buckets: dict[str, int] = field(default_factory=dict)
    band: Fraction = Fraction(0)
    min_trade: int = 0
    max_turnover: int | None = None

    def bucket_limit(self, bucket: str) -> int | None:
        return self.buckets.get(bucket, self.bucket) if self.bucket is not None else None


@dataclass(frozen=True)
class Result:
    """The book after each step, by asset, and why."""

    planned: dict[str, int]
    mandatory: dict[str, int]
    after: dict[str, int]
    released: dict[str, str]
    held: set[str]


def trade(lines: list[Line], rules: Rules) -> Result:
    """Return what is traded of each change."""
    planned, held, released = _plan(lines, rules)
    mandatory = _mandatory(lines, rules, planned)
    return Result(planned, mandatory, _scale(lines, rules, planned, mandatory), released, held)


def _by_size(lines: list[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: (-abs(line.change), line.asset))


def _groups(lines: list[Line], rules: Rules) -> list[tuple[str, list[Line], int]]:
    """Return each bucket with its limit, then the whole book with T; immovable rows raise a limit to what they hold."""
    groups = []
    for bucket in sorted({line.bucket for line in lines}):
        limit = rules.bucket_limit(bucket)
        if limit is not None:
            groups.append(("above_bucket_limit", [line for line in lines if line.bucket == bucket], limit))
    groups.append(("over_allocation", lines, rules.total))
    return [
        (reason, members, max(limit, sum(line.current for line in members if line.is_immovable)))
        for reason, members, limit in groups
    ]


def _held(book: dict[str, int], members: list[Line]) -> int:
    return sum(book[line.asset] for line in members)


def _plan(lines: list[Line], rules: Rules) -> tuple[dict[str, int], set[str], dict[str, str]]:
    planned, held, released = {}, set(), {}
    for line in lines:
        size = abs(line.change)
        is_small = size <= rules.band * line.current or size < rules.min_trade
        if line.is_immovable:
            planned[line.asset] = line.current
        elif line.current > 0 and line.target > 0 and size > 0 and is_small:
            held.add(line.asset)
            planned[line.asset] = line.current
            if line.change < 0 and rules.cap is not None and line.current > rules.cap:
                released[line.asset] = "above_cap"
                planned[line.asset] = line.target
        else:
            planned[line.asset] = line.target
    for reason, members, limit in _groups(lines, rules):
        for line in _by_size(members):
            if _held(planned, members) <= limit:
                break
            if line.asset in held and line.asset not in released and line.change < 0:
                released[line.asset] = reason
                planned[line.asset] = line.target
    return planned, held, released


def _mandatory(lines: list[Line], rules: Rules, planned: dict[str, int]) -> dict[str, int]:
    book = {}
    for line in lines:
        book[line.asset] = line.current
        if line.must_close:
            book[line.asset] = 0
        elif planned[line.asset] < line.current and rules.cap is not None:
            book[line.asset] = min(line.current, max(rules.cap, planned[line.asset]))
    for _, members, limit in _groups(lines, rules):
        for line in _by_size(members):
            excess = _held(book, members) - limit
            if excess > 0 and planned[line.asset] < line.current:
                book[line.asset] -= min(excess, book[line.asset] - planned[line.asset])
    return book


def _scale(lines: list[Line], rules: Rules, planned: dict[str, int], mandatory: dict[str, int]) -> dict[str, int]:
    start = {line.asset: line.current for line in lines}

    def traded(before: dict[str, int], after: dict[str, int]) -> int:
        return sum(abs(after[asset] - before[asset]) for asset in start)

    if rules.max_turnover is None or traded(start, planned) <= 2 * rules.max_turnover:
        return planned
    aim = dict(planned)
    while True:
        budget = max(0, 2 * rules.max_turnover - traded(start, mandatory))
        way = traded(mandatory, aim)
        part = min(Fraction(1), Fraction(budget, way)) if way else Fraction(1)
        book = {}
        for asset, weight in mandatory.items():
            step = aim[asset] - weight
            book[asset] = weight + (1 if step > 0 else -1) * int(abs(step) * part)
        purchases = [line for line in lines if aim[line.asset] > line.current]
        for _, members, limit in _groups(lines, rules):
            for line in _by_size(members):
                excess = _held(book, members) - limit
                if excess > 0 and line in purchases:
                    book[line.asset] -= min(excess, book[line.asset] - line.current)
        small = [line for line in purchases if book[line.asset] - line.current < rules.min_trade]
        if not small:
            return book
        dropped = min(small, key=lambda line: (abs(line.change), line.asset))
        aim[dropped.asset] = dropped.current
