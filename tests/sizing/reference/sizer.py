"""The second sizer: one portfolio at a time, in plain Python, straight off docs/sizing.md.

Slow and obvious on purpose: every "one x with sum of clip = total" is a bisection, everything else a loop.
What does not belong here: Polars, NumPy, and anything of `sizing` but the limits, which are the question.
"""

import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from math import fsum
from typing import Any

from sizing.limits.model import RebalancingLimits
from tests.sizing.reference.portfolio import UNITS, Line, Portfolio, cap_of, largest, limit_of_bucket, to_units
from tests.sizing.reference.stages import cap, normalise, place_residual

SNAP = Fraction(1, 10**4)
FLOOR_SLACK = 1e-9


def size_by_hand(
    lines: list[Line], limits: RebalancingLimits, find_scale: Callable[[Portfolio], float] = lambda _: 1.0
) -> Portfolio:
    """Size one portfolio; `find_scale` returns k of docs/risk.md 5 from the weights after stage 3."""
    asked = [
        Line(
            *(line.asset, line.bucket, line.score, line.is_held, line.pinned_weight),
            risk_multiplier=line.risk_multiplier,
            risk_cap=line.risk_cap,
        )
        for line in lines
    ]
    portfolio = Portfolio(asked, limits)
    for rank, line in enumerate(portfolio.lines, start=1):
        line.score_rank = rank
    if not limits.enable_dynamic_sizing:
        _share_equally(portfolio)
    else:
        _pin(portfolio)
        _multiply(portfolio)
        _drop_what_cannot_be_held(portfolio)
        _make_raw_weights(portfolio)
        cap(portfolio)
        normalise(portfolio)
        place_residual(portfolio)
        portfolio.scale = find_scale(portfolio)
    if portfolio.scale < 1:
        _scale_and_round_down(portfolio)
    else:
        _round(portfolio)
    return portfolio


# Section 4 -------------------------------------------------------------------------------------------------


def _scale_down(weights: dict[str, float], names: list[str], most: float) -> None:
    together = fsum(weights[name] for name in names)
    if together > most:
        for name in names:
            weights[name] *= most / together


def _pin(portfolio: Portfolio) -> None:
    limits = portfolio.limits
    pinned = [line for line in portfolio.lines if line.is_pinned]
    p = {line.asset: min(line.pinned_weight or 0.0, limits.max_single_position) for line in pinned}
    if limits.enable_bucket_diversification:
        for bucket in {line.bucket for line in pinned}:
            members = [line.asset for line in pinned if line.bucket == bucket]
            _scale_down(p, members, limit_of_bucket(limits, bucket))
    _scale_down(p, list(p), limits.target_total_allocation)
    _fix(pinned, p)
    portfolio.total = max(0.0, limits.target_total_allocation - fsum(p.values()))
    for bucket in {line.bucket for line in portfolio.lines}:
        used = fsum(p[line.asset] for line in pinned if line.bucket == bucket)
        portfolio.bucket_limits[bucket] = max(0.0, limit_of_bucket(limits, bucket) - used)


def _fix(pinned: list[Line], p: dict[str, float]) -> None:
    for line in pinned:
        line.size_category = "pinned"
        line.raw_weight = line.stage1_weight = line.stage2_weight = p[line.asset]


def _share_equally(portfolio: Portfolio) -> None:
    """Section 1, enable_dynamic_sizing = false; the pinned keep their weight, together at most T."""
    total = portfolio.limits.target_total_allocation
    pinned = [line for line in portfolio.lines if line.is_pinned]
    p = {line.asset: line.pinned_weight or 0.0 for line in pinned}
    _scale_down(p, list(p), total)
    _fix(pinned, p)
    others = portfolio.placed()
    for line in others:
        line.size_category = "disabled"
        share = max(0.0, total - fsum(p.values())) / len(others)
        line.raw_weight = line.stage1_weight = line.stage2_weight = share


# Section 2 -------------------------------------------------------------------------------------------------


def _multiply(portfolio: Portfolio) -> None:
    limits = portfolio.limits
    free = portfolio.placed()
    all_zero = all(line.score == 0 for line in free)
    for line in free:
        line.size_category, line.score_multiplier = limits.sizing_mode, 1.0
        if limits.sizing_mode == "score_weighted" and not all_zero:
            line.score_multiplier = line.score or 0.0
        if limits.sizing_mode == "adaptive":
            line.size_category, line.score_multiplier = _tier(limits, line)
        if line.score_multiplier == 0:
            line.drop_reason = "no_size"
        elif line.risk_cap < limits.min_position_size:
            line.drop_reason = "max_position_risk"


def _tier(limits: RebalancingLimits, line: Line) -> tuple[str, float]:
    for tier in limits.score_tiers:
        if (line.score or 0.0) >= tier.min_score:
            bias = 1 + limits.incumbent_bias if line.is_held else 1.0
            return tier.size_category, tier.score_multiplier * bias
    return "none", 0.0


def _drop_what_cannot_be_held(portfolio: Portfolio) -> None:
    m = portfolio.limits.min_position_size
    if m == 0:
        return
    for limit, lines in portfolio.by_bucket():
        if limit < math.inf:
            _keep_first(lines, math.floor(limit / m + FLOOR_SLACK))
    _keep_first(portfolio.placed(), math.floor(portfolio.total / m + FLOOR_SLACK))


def _keep_first(lines: list[Line], count: int) -> None:
    for line in lines[count:]:
        line.drop_reason = "below_min_position_size"


def _make_raw_weights(portfolio: Portfolio) -> None:
    """Return r = max(lambda q, m), the sum being T."""
    lines, m = portfolio.placed(), portfolio.limits.min_position_size
    if not lines:
        return
    sizes = [line.score_multiplier * line.risk_multiplier for line in lines]
    q = [each / max(sizes) for each in sizes]  # only the proportions matter
    factor = largest(lambda x: fsum(max(x * each, m) for each in q), portfolio.total, 0.0, portfolio.total)
    for line, each in zip(lines, q, strict=True):
        line.raw_weight = max(factor * each, m)


# Section 5 -------------------------------------------------------------------------------------------------


def _round(portfolio: Portfolio) -> None:
    sized = [line for line in portfolio.lines if line.drop_reason is None]
    exact = {line.asset: Fraction(line.weight) * UNITS for line in sized}
    for line in sized:
        line.units = math.floor(exact[line.asset] + SNAP)
    leftover = math.floor(sum(exact.values()) + SNAP) - portfolio.invested_units()
    ranked = sorted(sized, key=lambda line: (line.units - exact[line.asset], line.score_rank))
    for line in ranked:
        if leftover > 0 and _has_room_for_a_unit(portfolio, line):
            line.units += 1
            leftover -= 1
    for line in ranked[:leftover:-1] if leftover < 0 else []:  # 10,000 snaps make a unit: guarantee 1 wins
        line.units -= 1


def _scale_and_round_down(portfolio: Portfolio) -> None:
    """Section 5 of docs/risk.md, k < 1: every unit that is left over is cash."""
    for line in portfolio.lines:
        if line.drop_reason is None:
            k = 1.0 if line.is_pinned else portfolio.scale
            line.units = math.floor(Fraction(line.weight) * Fraction(k) * UNITS + SNAP)
            line.drop_reason = None if line.units or line.is_pinned or not line.weight else "target_volatility"


def _has_room_for_a_unit(portfolio: Portfolio, line: Line) -> bool:
    limits = portfolio.limits
    if not limits.enable_dynamic_sizing:
        return True
    if line.units + 1 > to_units(limits.max_single_position if line.is_pinned else cap_of(limits, line)):
        return False
    in_bucket = sum(other.units for other in portfolio.lines if other.bucket == line.bucket)
    return not limits.enable_bucket_diversification or in_bucket + 1 <= to_units(limit_of_bucket(limits, line.bucket))


# Section 7 -------------------------------------------------------------------------------------------------


def summarise(portfolio: Portfolio) -> dict[str, Any]:
    """The numbers of one portfolio, under the names of the sizing_summary table."""
    lines, limits = portfolio.lines, portfolio.limits
    sized = [line for line in lines if line.drop_reason is None]
    units = [line.units for line in sized]
    stage2_total = fsum(line.stage2_weight for line in lines)
    return {
        "n_selected": len(lines),
        "n_sized": len(sized),
        "n_dropped": len(lines) - len(sized),
        "target_total_allocation": Decimal(to_units(limits.target_total_allocation)) / UNITS,
        "raw_total": fsum(line.raw_weight for line in lines),
        "stage1_total": fsum(line.stage1_weight for line in lines),
        "stage1_capped_count": sum(line.stage1_cap is not None for line in lines),
        "stage2_total": stage2_total,
        "stage2_capped_count": sum(None not in line.stage2_caps for line in lines),
        "residual": limits.target_total_allocation - stage2_total,
        "residual_placed": fsum(line.residual_weight for line in lines),
        "residual_strategy": limits.residual_strategy,
        "invested_weight": Decimal(sum(units)) / UNITS,
        "cash_weight": portfolio.cash_weight(),
        "allocation_efficiency": sum(units) / UNITS / limits.target_total_allocation,
        "effective_positions": sum(units) ** 2 / sum(u * u for u in units) if any(units) else 0.0,
        "largest_weight": max(units, default=0) / UNITS,
        "reachable_weight": reachable(portfolio),
    }


def reachable(portfolio: Portfolio) -> float:
    """Return sum_b min(B, sum of c_i) of what is sized; defined where nothing is pinned and sizing is enabled."""
    if not portfolio.limits.enable_dynamic_sizing:
        return portfolio.limits.target_total_allocation
    return fsum(
        min(limit, fsum(cap_of(portfolio.limits, line) for line in lines)) for limit, lines in portfolio.by_bucket()
    )
