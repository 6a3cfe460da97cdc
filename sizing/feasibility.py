"""Pre-flight: limits that can be set together but will disappoint, with numbers and the nearest fix (sizing.md 7).

Limits that contradict each other are refused by `RebalancingLimits` itself.
"""

import math

from sizing.limits import WEIGHT_TOLERANCE, RebalancingLimits


def find_infeasible(limits: RebalancingLimits) -> tuple[str, ...]:
    """Say in one sentence each what these limits can never reach; nothing: no objection."""
    found = (_positions(limits), _buckets(limits), _minimum(limits), _tiers(limits), _thresholds(limits))
    return tuple(sentence for sentence in found if sentence)


def _positions(limits: RebalancingLimits) -> str | None:
    total = limits.target_total_allocation
    reach = limits.max_total_positions * limits.max_single_position
    if not limits.enable_dynamic_sizing or reach >= total - WEIGHT_TOLERANCE:
        return None
    least = math.ceil(total / limits.max_single_position - WEIGHT_TOLERANCE)
    return (
        f"max_total_positions {limits.max_total_positions} x max_single_position {limits.max_single_position:g} = "
        f"{reach:.2f} < target_total_allocation {total:g}: the rest is cash; max_total_positions {least} would do"
    )


def _buckets(limits: RebalancingLimits) -> str | None:
    if not limits.enable_dynamic_sizing or not limits.enable_bucket_diversification:
        return None
    total, each = limits.target_total_allocation, limits.max_allocation_per_bucket
    n_buckets = limits.min_buckets_represented
    reach = n_buckets * each
    if n_buckets == 0 or reach >= total - WEIGHT_TOLERANCE:
        return None
    least = math.ceil(total / each - WEIGHT_TOLERANCE)
    return (
        f"{n_buckets} buckets x {each:.2f} = {reach:.2f} < target_total_allocation {total:g}: with no more than "
        f"min_buckets_represented the rest is cash; min_buckets_represented {least} would do"
    )


def _minimum(limits: RebalancingLimits) -> str | None:
    if not limits.enable_dynamic_sizing or limits.min_position_size == 0:
        return None
    places = math.floor(limits.target_total_allocation / limits.min_position_size + 1e-9)
    if places >= limits.max_total_positions:
        return None
    return (
        f"target_total_allocation {limits.target_total_allocation:g} holds {places} positions of min_position_size "
        f"{limits.min_position_size:g} < max_total_positions {limits.max_total_positions}: the lowest are dropped; "
        f"max_total_positions {max(places, 1)} would say so"
    )


def _tiers(limits: RebalancingLimits) -> str | None:
    lowest = min((tier.min_score for tier in limits.score_tiers if tier.score_multiplier > 0), default=None)
    if not limits.enable_dynamic_sizing or limits.sizing_mode != "adaptive":
        return None
    if lowest is None:
        return "every tier of score_tiers has multiplier 0: nothing would ever be sized; give one a multiplier"
    entry = min(limits.min_score_threshold, limits.min_score_new_position)
    if entry >= lowest:
        return None
    return (
        f"min_score_threshold {entry:g} is below the lowest tier {lowest:g}: such assets would be selected and then "
        f"sized to nothing; raise it to {lowest:g} or add a tier"
    )


def _thresholds(limits: RebalancingLimits) -> str | None:
    if limits.min_score_new_position >= limits.min_score_threshold:
        return None
    return (
        f"min_score_new_position {limits.min_score_new_position:g} is below min_score_threshold "
        f"{limits.min_score_threshold:g}: a name would be opened one day and closed the next; raise it to at least "
        f"{limits.min_score_threshold:g}"
    )
