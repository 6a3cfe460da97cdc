"""The three stages on lists, one portfolio at a time: what a careful person writes without a frame.

Adaptive, buckets on, safe_top_slice. It returns the same weights where no floor binds, and does less: no drops, no
floor search, no audit, no sentence, no exact units. So the comparison flatters it.
"""

from collections import defaultdict

from sizing import RebalancingLimits
from sizing.limits.fields import WEIGHT_TOLERANCE

Row = tuple[str, str, float, bool]


def size_portfolio(rows: list[Row], limits: RebalancingLimits) -> list[float]:
    """Return the weights of one portfolio, by falling score."""
    ranked = sorted(rows, key=lambda row: (-row[2], row[0]))
    multipliers = [_multiplier(score, limits) * (1 + limits.incumbent_bias * held) for _, _, score, held in ranked]
    unit = limits.target_total_allocation / sum(multipliers)
    raw = [max(unit * one, limits.min_position_size) for one in multipliers]
    buckets = defaultdict(list)
    for place, row in enumerate(ranked):
        buckets[row[1]].append(place)
    stage1, is_capped = _cap(raw, buckets, limits)
    stage2 = _normalise(stage1, is_capped, buckets, limits)
    return _top_slice(stage2, ranked, limits)


def _multiplier(score: float, limits: RebalancingLimits) -> float:
    return next((tier.score_multiplier for tier in limits.score_tiers if score >= tier.min_score), 0.0)


def _cap(raw: list[float], buckets: dict[str, list[int]], limits: RebalancingLimits) -> tuple[list[float], list[bool]]:
    cap, floor, most = limits.max_single_position, limits.min_position_size, limits.max_allocation_per_bucket
    weights = [min(one, cap) for one in raw]
    is_capped = [one > cap for one in raw]
    for places in buckets.values():
        if sum(weights[place] for place in places) <= most + WEIGHT_TOLERANCE:
            continue
        theta = _theta([raw[place] for place in places], floor, cap, most)
        for place in places:
            weights[place] = min(max(theta * raw[place], floor), cap)
            is_capped[place] = True
    return weights, is_capped


def _theta(raw: list[float], floor: float, cap: float, most: float) -> float:
    """Walk the breakpoints, where a weight leaves the floor or meets the cap, until the sum is `most`."""
    at, slope, total = 0.0, 0.0, floor * len(raw)
    for point, change in sorted([(floor / one, one) for one in raw] + [(cap / one, -one) for one in raw]):
        reached = total + slope * (point - at)
        if reached > most:
            break
        at, slope, total = point, slope + change, reached
    return at + (most - total) / slope


def _normalise(
    stage1: list[float], is_capped: list[bool], buckets: dict[str, list[int]], limits: RebalancingLimits
) -> list[float]:
    left = limits.target_total_allocation - sum(one for one, shut in zip(stage1, is_capped, strict=True) if shut)
    spread = sum(one for one, shut in zip(stage1, is_capped, strict=True) if not shut)
    factor = left / spread if spread else 1.0
    weights = list(stage1)
    for places in buckets.values():
        room = limits.max_allocation_per_bucket - sum(stage1[place] for place in places if is_capped[place])
        free = [place for place in places if not is_capped[place]]
        total = sum(stage1[place] for place in free)
        own = min(factor, room / total) if total else 1.0
        for place in free:
            weights[place] = min(own * stage1[place], limits.max_single_position)
    return weights


def _top_slice(stage2: list[float], ranked: list[Row], limits: RebalancingLimits) -> list[float]:
    left = limits.target_total_allocation - sum(stage2)
    room: dict[str, float] = defaultdict(lambda: limits.max_allocation_per_bucket)
    for (_, bucket, _, _), weight in zip(ranked, stage2, strict=True):
        room[bucket] -= weight
    weights = list(stage2)
    multiple = limits.max_residual_multiple or float("inf")
    for place, (_, bucket, _, _) in enumerate(ranked):
        free = min(
            limits.max_single_position - weights[place], limits.max_residual_per_asset, multiple * weights[place]
        )
        taken = max(0.0, min(free, room[bucket], left))
        weights[place] += taken
        room[bucket] -= taken
        left -= taken
    return weights
