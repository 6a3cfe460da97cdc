"""Pre-flight: limits that can be set together but will disappoint, with numbers and the nearest fix (docs/sizing.md 7).

Limits that contradict each other are rejected by `RebalancingLimits` itself.
"""

import math
from collections.abc import Iterator, Mapping
from decimal import Decimal

from sizing.checks.bucket_feasibility import find_short_buckets
from sizing.checks.universe_feasibility import find_selection_objections
from sizing.limits.fields import COUNT_TOLERANCE, SHOWN_STEPS, WEIGHT_TOLERANCE
from sizing.limits.model import RebalancingLimits
from sizing.text import counted, listed


def find_infeasible(limits: RebalancingLimits) -> tuple[str, ...]:
    """Return one sentence for each thing that these limits can never reach, with numbers; empty: no objection.

    >>> for sentence in find_infeasible(RebalancingLimits(max_total_positions=5)):
    ...     print(sentence)
    max_total_positions 5 x max_single_position 0.15 = 0.75 < target_total_allocation 0.95: the rest is cash; \
max_total_positions 7 would do
    """
    found = [_thresholds(limits), _bucket_counts(limits), _small_trades(limits), _closes_at_term(limits)]
    if limits.enable_dynamic_sizing:
        found += [_minimum(limits), _positions(limits), _bucket_minimum(limits)]
        found += [_own_bucket_minimum(limits), _buckets(limits), _tiers(limits)]
    return (*(sentence for sentence in found if sentence), *find_selection_objections(limits))


def objections(limits: Mapping[str, RebalancingLimits]) -> Iterator[tuple[str, str]]:
    """Pair each portfolio with each sentence of `find_infeasible`; limits that portfolios share are looked at once."""
    found = {identity: find_infeasible(one) for identity, one in {id(one): one for one in limits.values()}.items()}
    return ((portfolio_id, sentence) for portfolio_id, one in limits.items() for sentence in found[id(one)])


def _slots(limits: RebalancingLimits) -> int:
    """Count the positions that can be held at all: the limit, or fewer where each must have the minimum size."""
    if limits.min_position_size == 0:
        return limits.max_total_positions
    at_minimum = math.floor(limits.target_total_allocation / limits.min_position_size + COUNT_TOLERANCE)
    return min(limits.max_total_positions, at_minimum)


def _minimum(limits: RebalancingLimits) -> str | None:
    slots, total = _slots(limits), limits.target_total_allocation
    if slots == 0:
        return (
            f"min_position_size {_shown(limits.min_position_size)} > target_total_allocation {_shown(total)}: nothing "
            f"can ever be held; lower min_position_size to at most {_shown(total)}"
        )
    if slots == limits.max_total_positions:
        return None
    return (
        f"target_total_allocation {_shown(total)} holds {counted(slots, 'position')} of min_position_size "
        f"{_shown(limits.min_position_size)} < max_total_positions {limits.max_total_positions}: the lowest are "
        f"dropped; max_total_positions {slots} would say so"
    )


def _positions(limits: RebalancingLimits) -> str | None:
    total, cap, slots = limits.target_total_allocation, limits.max_single_position, _slots(limits)
    reach = slots * cap
    if slots == 0 or reach >= total - WEIGHT_TOLERANCE:
        return None
    needed = math.ceil(total / cap - COUNT_TOLERANCE)
    fits = limits.min_position_size * needed <= total + WEIGHT_TOLERANCE
    fix = f"max_total_positions {needed}" if fits else f"max_single_position {_shown(_least(total / slots))}"
    count = f"max_total_positions {slots}" if slots == limits.max_total_positions else counted(slots, "position")
    return (
        f"{count} x max_single_position {_shown(cap)} = {_padded(reach)} < "
        f"target_total_allocation {_shown(total)}: the rest is cash; {fix} would do"
    )


def _buckets(limits: RebalancingLimits) -> str | None:
    short = find_short_buckets(limits, _slots(limits)) if limits.enable_bucket_diversification else None
    if short is None:
        return None
    total, each = limits.target_total_allocation, limits.max_allocation_per_bucket
    are_alike = math.isclose(short.reach, short.n_buckets * each)
    positions = counted(_slots(limits), "position")
    sides = (
        f"{counted(short.n_buckets, 'bucket')} x {_padded(each)}" if are_alike else f"{positions} in the widest buckets"
    )
    return (
        f"{sides} = {_padded(short.reach)} < target_total_allocation {_shown(total)}: the rest is cash; {short.fix} "
        "would do"
    )


def _bucket_minimum(limits: RebalancingLimits) -> str | None:
    each, minimum = limits.max_allocation_per_bucket, limits.min_position_size
    if not limits.enable_bucket_diversification or each >= minimum - WEIGHT_TOLERANCE:
        return None
    return (
        f"max_allocation_per_bucket {_shown(each)} < min_position_size {_shown(minimum)}: no bucket can hold a "
        f"position; raise it to at least {_shown(minimum)}"
    )


def _own_bucket_minimum(limits: RebalancingLimits) -> str | None:
    minimum = limits.min_position_size
    own = limits.max_allocation_by_bucket.items()
    narrow = [f"{name} {_shown(limit)}" for name, limit in sorted(own) if limit < minimum - WEIGHT_TOLERANCE]
    if not limits.enable_bucket_diversification or not narrow:
        return None
    return (
        f"max_allocation_by_bucket has {len(narrow)} below min_position_size {_shown(minimum)}: "
        f"{listed(narrow)}: no position fits there; raise each to at least {_shown(minimum)}"
    )


def _bucket_counts(limits: RebalancingLimits) -> str | None:
    buckets, positions = limits.min_buckets_represented, limits.max_total_positions
    if buckets <= positions:
        return None
    return (
        f"min_buckets_represented {buckets} > max_total_positions {positions}: so many buckets can never be held; "
        f"min_buckets_represented {positions} would do"
    )


def _tiers(limits: RebalancingLimits) -> str | None:
    lowest = min((tier.min_score for tier in limits.score_tiers if tier.score_multiplier > 0), default=None)
    if limits.sizing_mode != "adaptive":
        return None
    if lowest is None:
        return "every tier of score_tiers has multiplier 0: nothing would ever be sized; give one a multiplier"
    entries = ("min_score_threshold", "min_score_new_position")
    name = min(entries, key=lambda entry: float(getattr(limits, entry)))
    score = float(getattr(limits, name))
    if score >= lowest:
        return None
    return (
        f"{name} {_shown(score)} is below the lowest tier {_shown(lowest)}: such assets would be selected and then "
        f"sized to nothing; raise it to {_shown(lowest)} or add a tier"
    )


def _small_trades(limits: RebalancingLimits) -> str | None:
    """Warn where trades that max_turnover scales down are too small to be made: a purchase is paid for by a sale."""
    most, least = limits.max_turnover, limits.min_trade_weight
    if most is None or least == 0:
        return None
    both = f"min_trade_weight {_shown(least)} with max_turnover {_shown(most)}"
    if least > most:
        return (
            f"{both}: no purchase that sales pay for can reach the minimum, so positions are never finished; "
            f"lower min_trade_weight to at most {_shown(most)}"
        )
    return (
        f"{both}: a position that a day leaves within {_shown(least)} of its target stays there; min_trade_weight 0 "
        "would finish it"
    )


def _thresholds(limits: RebalancingLimits) -> str | None:
    entry, leave = limits.min_score_new_position, limits.min_score_threshold
    if entry >= leave:
        return None
    return (
        f"min_score_new_position {_shown(entry)} is below min_score_threshold {_shown(leave)}: a name would be opened "
        f"one day and closed the next; raise it to at least {_shown(leave)}"
    )


def _closes_at_term(limits: RebalancingLimits) -> str | None:
    is_closed = limits.max_holding_days is not None and limits.max_holding_action == "close"
    if not is_closed or limits.reentry_cooldown_days or limits.max_round_trips:
        return None
    return (
        f"max_holding_action close with max_holding_days {limits.max_holding_days} and reentry_cooldown_days 0: what "
        "is closed may be bought back the next day; set reentry_cooldown_days to at least 1"
    )


def _least(value: float) -> float:
    """Round a limit up to four decimals, so that it can be typed and still works."""
    return math.ceil(value * SHOWN_STEPS - COUNT_TOLERANCE) / SHOWN_STEPS


def _shown(value: float) -> str:
    """Write a number with all the decimals that distinguish it from its neighbour."""
    return f"{Decimal(repr(round(value, 8))).normalize():f}"


def _padded(value: float) -> str:
    """Write a weight with at least two decimals."""
    shown = _shown(value)
    return shown if "." in shown and len(shown.split(".")[1]) > 1 else f"{value:.2f}"
