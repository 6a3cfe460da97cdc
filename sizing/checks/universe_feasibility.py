"""Pre-flight of the selection's limits: universes that name what they leave out, and rules that can never apply."""

import math
from collections.abc import Iterator

from sizing.frames.day_inputs import UNCLASSIFIED
from sizing.limits.fields import WEIGHT_DECIMALS, WEIGHT_TOLERANCE
from sizing.limits.model import RebalancingLimits
from sizing.text import counted, listed


def find_selection_objections(limits: RebalancingLimits) -> Iterator[str]:
    """Return one sentence for each thing that the limits of the selection can never reach."""
    yield from _named_twice(limits)
    yield from _unknown_buckets(limits)
    yield from _narrow_universe(limits)
    yield from _never_replaced(limits)


def _named_twice(limits: RebalancingLimits) -> Iterator[str]:
    for kind in ("assets", "buckets"):
        included, excluded = getattr(limits, f"include_{kind}"), set(getattr(limits, f"exclude_{kind}"))
        both = sorted(set(included) & excluded)
        if both:
            yield (
                f"include_{kind} and exclude_{kind} both name {listed(both)}: excluding wins, never held; "
                f"take it from one of them"
            )


def _unknown_buckets(limits: RebalancingLimits) -> Iterator[str]:
    if UNCLASSIFIED in limits.include_buckets and not limits.allow_unclassified:
        yield (
            f"include_buckets names {UNCLASSIFIED}, but allow_unclassified is false: no new name enters from there; "
            "set it to true or take the bucket out"
        )


def _narrow_universe(limits: RebalancingLimits) -> Iterator[str]:
    """Count the positions that the included buckets and assets have room for, where such a universe is given."""
    if limits.allow_bucket_overflow or not (limits.include_buckets or limits.include_assets):
        return
    buckets = sorted(set(limits.include_buckets) - set(limits.exclude_buckets))
    assets = set(limits.include_assets) - set(limits.exclude_assets)
    own = limits.max_positions_by_bucket
    slots = len(assets) + sum(own.get(bucket, limits.max_positions_per_bucket) for bucket in buckets)
    if not limits.include_assets and len(buckets) < limits.min_buckets_represented:
        yield (
            f"include_buckets leaves {counted(len(buckets), 'bucket')} < min_buckets_represented "
            f"{limits.min_buckets_represented}: so many can never be held; min_buckets_represented {len(buckets)} "
            "would do"
        )
    cap, total = limits.max_single_position, limits.target_total_allocation
    is_short = slots * cap < total - WEIGHT_TOLERANCE
    if limits.enable_dynamic_sizing and slots < limits.max_total_positions and is_short:
        yield (
            f"the universe has room for {counted(slots, 'position')} x max_single_position {cap} = "
            f"{round(slots * cap, WEIGHT_DECIMALS)} < target_total_allocation {total}: the rest is cash; "
            f"{counted(math.ceil(total / cap - WEIGHT_TOLERANCE), 'position')} would do"
        )


def _never_replaced(limits: RebalancingLimits) -> Iterator[str]:
    if limits.replacement_margin is not None and limits.max_new_positions == 0:
        yield (
            f"replacement_margin {limits.replacement_margin} with max_new_positions 0: no holding is ever replaced; "
            "max_new_positions 1 would do"
        )
