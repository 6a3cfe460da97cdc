"""What the estimates of reference.py do to the weights of one portfolio: multipliers, caps, the scale, the audit.

The stages are those of tests/sizing/reference/sizer.py. What does not belong here: Polars, and any rule of `sizing`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sizing import RebalancingLimits
from tests.sizing.reference.portfolio import TIE, UNITS, Line, Portfolio, to_units
from tests.sizing.reference.sizer import size_by_hand
from tests.sizing.risk.reference import (
    Observed,
    annual,
    correlations,
    covariance,
    crowding,
    estimate,
    largest_scale,
    reference_volatility,
    returns_of_weights,
    risk_shares,
    round_scale_down,
    variance,
    volatility_multiplier,
)


@dataclass(frozen=True)
class Risk:
    """One portfolio as sized, with what risk did to it; names without volatility are in no mapping."""

    portfolio: Portfolio
    volatilities: Mapping[str, float]
    reference: float | None
    multipliers: Mapping[str, float]
    crowding: Mapping[str, float]
    crowding_multipliers: Mapping[str, float]
    caps: Mapping[str, float]
    unscaled_volatility: float | None = None
    portfolio_volatility: float | None = None
    n_sessions: int | None = None
    is_attainable: bool = True
    is_held: bool = False  # fewer than min_observations sessions in which every name has a return
    shares: Mapping[str, float] = field(default_factory=dict)

    @property
    def scale(self) -> float:
        return self.portfolio.scale

    def units(self) -> dict[str, int]:
        return {line.asset: line.units for line in self.portfolio.lines}

    def line(self, asset: str) -> Line:
        return next(line for line in self.portfolio.lines if line.asset == asset)


def size_with_risk(
    lines: list[Line],
    limits: RebalancingLimits,
    observed: Mapping[str, Observed],
    *,
    scored: Mapping[str, float] | None = None,
    free: Collection[str] | None = None,
) -> Risk:
    """Size the selected `lines` of one portfolio.

    `observed`: returns by name and age; `scored`: volatilities that came with the scores, instead of them. `free`: the
    names that no pin held when the portfolio was sized first, where they are others than now.
    """
    names = sorted(line.asset for line in lines)
    volatilities = _volatilities(names, limits, observed) if scored is None else dict(scored)
    known = {name: observed.get(name, {}) for name in names if name in volatilities}
    first_free = {line.asset for line in lines if not line.is_pinned} if free is None else set(free)
    reference = reference_volatility([volatilities[name] for name in sorted(first_free & set(volatilities))], limits)
    multipliers = dict.fromkeys(volatilities, 1.0)
    if limits.volatility_mode == "inverse" and reference is not None:
        multipliers = {name: volatility_multiplier(one, reference, limits) for name, one in volatilities.items()}
    crowded = dict.fromkeys(known, 1.0)
    if limits.correlation_mode == "crowding":
        crowded = crowding(sorted(known), correlations(known, limits)[0], limits)
    crowding_multipliers = {name: n**-limits.correlation_strength for name, n in crowded.items()}
    caps = {name: risk_cap(limits, one) for name, one in volatilities.items()}
    asked = [
        Line(
            *(line.asset, line.bucket, line.score, line.is_held, line.pinned_weight),
            risk_multiplier=multipliers.get(line.asset, 1.0) * crowding_multipliers.get(line.asset, 1.0),
            risk_cap=caps.get(line.asset, float("inf")),
        )
        for line in lines
    ]
    attained: list[bool] = []
    portfolio = size_by_hand(asked, limits, lambda before: _find_scale(before, limits, known, attained))
    sized = {line.asset: line.units / UNITS for line in portfolio.lines if line.asset in known}
    unscaled = {line.asset: line.weight for line in portfolio.lines if line.asset in known and line.weight > TIE}
    unscaled_volatility, n_sessions = _moved(unscaled, limits, known)
    volatility, _ = _moved(sized, limits, known)
    return Risk(
        *(portfolio, volatilities, reference, multipliers, crowded, crowding_multipliers, caps),
        unscaled_volatility=unscaled_volatility,
        portfolio_volatility=volatility,
        n_sessions=n_sessions,
        is_attainable=all(attained),
        is_held=limits.target_volatility is not None and any(unscaled.values()) and not attained,
        shares=risk_shares(sized, known, limits) if volatility else {},
    )


def _volatilities(names: list[str], limits: RebalancingLimits, observed: Mapping[str, Observed]) -> dict[str, float]:
    estimates = {name: estimate(observed.get(name, {}), limits).volatility for name in names}
    return {name: one for name, one in estimates.items() if one is not None}


def risk_cap(limits: RebalancingLimits, volatility: float) -> float:
    """Return max_position_risk / s in whole units, exactly: w x s is never above it as stored."""
    if limits.max_position_risk is None:
        return float("inf")
    return to_units(limits.max_position_risk) * UNITS // round(volatility * UNITS) / UNITS


def _find_scale(
    portfolio: Portfolio, limits: RebalancingLimits, known: Mapping[str, Observed], attained: list[bool]
) -> float:
    if limits.target_volatility is None:
        return 1.0
    lines = [line for line in portfolio.lines if line.asset in known and line.weight > TIE]
    if not lines:
        return 1.0
    whole = returns_of_weights({line.asset: line.weight for line in lines}, known, limits.volatility_window_days)
    if len(whole) < limits.min_observations:
        return 1.0
    # every part is taken over the sessions that are complete for the whole
    parts = [
        {
            age: sum(line.weight * known[line.asset][age].value for line in lines if line.is_pinned == is_pinned)
            for age in whole
        }
        for is_pinned in (False, True)
    ]
    free, pinned = parts
    half_life = limits.volatility_half_life_days
    a, b, e = (252 * covariance(x, y, half_life) for x, y in ((free, free), (free, pinned), (pinned, pinned)))
    k, is_attainable = largest_scale(a, b, e, limits.target_volatility)
    attained.append(is_attainable)
    return round_scale_down(k)


def _moved(
    weights: Mapping[str, float], limits: RebalancingLimits, known: Mapping[str, Observed]
) -> tuple[float | None, int | None]:
    """Return what the window moved these weights, a year, where enough sessions are complete, and how many are."""
    moved = returns_of_weights(weights, known, limits.volatility_window_days)
    if not any(weights.values()):
        return None, None
    is_enough = len(moved) >= limits.min_observations
    return (annual(variance(moved, limits.volatility_half_life_days)) if is_enough else None), len(moved)
