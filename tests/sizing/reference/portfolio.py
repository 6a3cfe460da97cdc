"""What the second sizer works on: the lines of one portfolio, and the one bisection that solves everything.

Ties. A total within TIE of its limit keeps the limit, and a weight within TIE of c is at c: so
"0.3 = 3 x 0.1" is true here, as in the specification. Where two marks are right within TIE, the set of
marks holds both.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from sizing.limits.model import RebalancingLimits

TIE = 1e-12
UNITS = 10**8
WITHOUT_LIMIT = 2.0**1000


@dataclass
class Line:
    """One asset: the input, then what each section of docs/sizing.md adds."""

    asset: str
    bucket: str
    score: float | None
    is_held: bool = False
    pinned_weight: float | None = None
    risk_multiplier: float = 1.0  # of docs/risk.md 3, and so the cap: given to the sizer, computed in risk/reference.py
    risk_cap: float = math.inf
    score_rank: int = 0
    size_category: str = ""
    score_multiplier: float = 0.0
    drop_reason: str | None = None
    raw_weight: float = 0.0
    stage1_weight: float = 0.0
    stage1_cap: str | None = None
    stage2_weight: float = 0.0
    stage2_caps: set[str | None] = field(default_factory=lambda: {None})
    residual_weight: float = 0.0
    residual_limits: set[str | None] = field(default_factory=lambda: {None})
    units: int = 0

    @property
    def is_pinned(self) -> bool:
        return self.pinned_weight is not None

    @property
    def weight(self) -> float:
        return self.stage2_weight + self.residual_weight

    @property
    def target_weight(self) -> Decimal:
        return Decimal(self.units) / UNITS


@dataclass
class Portfolio:
    lines: list[Line]
    limits: RebalancingLimits
    total: float = 0.0  # T, less what is pinned
    bucket_limits: dict[str, float] = field(default_factory=dict)  # each B, less what is pinned
    scale: float = 1.0  # k of docs/risk.md 5: what is left of each free weight after stage 3

    def __post_init__(self) -> None:
        self.lines.sort(key=lambda line: (line.score is None, -(line.score or 0.0), line.asset))

    def placed(self) -> list[Line]:
        """The sized lines that are not pinned, best first."""
        return [line for line in self.lines if not line.is_pinned and line.drop_reason is None]

    def by_bucket(self) -> Iterable[tuple[float, list[Line]]]:
        """Each bucket's limit and lines; without bucket limits, one bucket without a limit."""
        if not self.limits.enable_bucket_diversification:
            return [(math.inf, self.placed())]
        buckets = dict.fromkeys(line.bucket for line in self.placed())
        return [(self.bucket_limits[b], [line for line in self.placed() if line.bucket == b]) for b in buckets]

    def invested_units(self) -> int:
        return sum(line.units for line in self.lines)

    def cash_weight(self) -> Decimal:
        return Decimal(to_units(self.limits.target_total_allocation) - self.invested_units()) / UNITS


def largest(total_at: Callable[[float], float], limit: float, low: float, high: float) -> float:
    """The largest x in [low, high] whose total keeps the limit, by bisection until two floats touch."""
    if total_at(high) <= limit + TIE:
        return high
    if total_at(low) >= limit:
        return low
    for _ in range(2000):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if total_at(middle) <= limit else (low, middle)
    return low


def limit_of_bucket(limits: RebalancingLimits, bucket: str) -> float:
    return limits.max_allocation_by_bucket.get(bucket, limits.max_allocation_per_bucket)


def cap_of(limits: RebalancingLimits, line: Line) -> float:
    return min(limits.max_single_position, line.risk_cap)


def cap_name(limits: RebalancingLimits, line: Line, name: str) -> str:
    """Return what the cap of a line is called: by its risk where that is what lowers it."""
    return "risk" if line.risk_cap < limits.max_single_position else name


def to_units(weight: float) -> int:
    return int(Decimal(repr(weight)) * UNITS)
