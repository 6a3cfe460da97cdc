"""Pre-flight of the limits of buckets: where they can never reach the total, whatever is scored."""

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sizing.limits.fields import COUNT_TOLERANCE, SHOWN_STEPS, WEIGHT_TOLERANCE
from sizing.limits.model import RebalancingLimits


class _Buckets(NamedTuple):
    """Buckets that are alike: how many, the weight and the positions that each may hold, whether by its own limit."""

    n_buckets: int
    width: float
    n_positions: int
    is_own: bool


class ShortBuckets(NamedTuple):
    """Buckets that cannot hold the total: how many there may be, the most that they hold, and what would do."""

    n_buckets: int
    reach: float
    fix: str


def find_short_buckets(limits: RebalancingLimits, n_slots: int) -> ShortBuckets | None:
    """Return what the limits of buckets keep from the total; None where they do not.

    Any name may be scored, so there may be a bucket for each slot; only where a universe names its buckets alone are
    there no others. Where no width would do, other limits are in the way, which are reported elsewhere.
    """
    total, buckets = limits.target_total_allocation, _buckets_of(limits, n_slots)
    reach = _reach(buckets, limits, n_slots)
    unbounded = _reach([one._replace(width=1.0) for one in buckets], limits, n_slots)
    if reach >= total - WEIGHT_TOLERANCE or unbounded < total - WEIGHT_TOLERANCE:
        return None
    width = _least_width(buckets, limits, n_slots)
    fix = f"max_allocation_per_bucket {width:g}" if width <= 1 else "wider limits in max_allocation_by_bucket"
    return ShortBuckets(min(sum(one.n_buckets for one in buckets), n_slots), reach, fix)


def _buckets_of(limits: RebalancingLimits, n_slots: int) -> list[_Buckets]:
    own, excluded = limits.max_allocation_by_bucket, {*limits.exclude_buckets}
    each = _Buckets(1, limits.max_allocation_per_bucket, limits.max_positions_per_bucket, is_own=False)
    is_closed = bool(limits.include_buckets) and not limits.include_assets
    names = {*limits.include_buckets} if is_closed else {*own, *limits.max_positions_by_bucket}
    others = [] if is_closed else [each._replace(n_buckets=n_slots)]
    named = [
        each._replace(
            width=own.get(name, each.width),
            n_positions=limits.max_positions_by_bucket.get(name, each.n_positions),
            is_own=name in own,
        )
        for name in sorted(names - excluded)
    ]
    return named + others


def _reach(buckets: Iterable[_Buckets], limits: RebalancingLimits, n_slots: int) -> float:
    """Return the most that the buckets hold: the slots go to the largest positions that fit."""
    reach, left = 0.0, n_slots
    for size, count in sorted((one for bucket in buckets for one in _positions_in(bucket, limits)), reverse=True):
        taken = min(count, left)
        reach, left = reach + taken * size, left - taken
    return reach


def _positions_in(buckets: _Buckets, limits: RebalancingLimits) -> Iterator[tuple[float, int]]:
    """Yield the largest positions of the buckets, size and count: as many at the cap as fit, and what is then left."""
    cap = limits.max_single_position
    most = limits.max_total_positions if limits.allow_bucket_overflow else buckets.n_positions
    n_full = min(math.floor(buckets.width / cap + COUNT_TOLERANCE), most)
    yield cap, n_full * buckets.n_buckets
    has_room = (n_full + 1) * limits.min_position_size <= buckets.width + WEIGHT_TOLERANCE
    if n_full < most and has_room:
        yield max(buckets.width - n_full * cap, 0.0), buckets.n_buckets


def _least_width(buckets: Iterable[_Buckets], limits: RebalancingLimits, n_slots: int) -> float:
    """Return the least max_allocation_per_bucket that would do, in four decimals; more than 1 where none would."""

    def does(steps: int) -> bool:
        wide = [one if one.is_own else one._replace(width=steps / SHOWN_STEPS) for one in buckets]
        return _reach(wide, limits, n_slots) >= limits.target_total_allocation - WEIGHT_TOLERANCE

    return (bisect_left(range(1, SHOWN_STEPS + 1), x=True, key=does) + 1) / SHOWN_STEPS
