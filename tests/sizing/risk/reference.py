"""The second set of estimates: one portfolio, one name and one pair at a time, in plain Python, straight off risk.md.

A return is found by its age: 0 is the newest session, which is the day itself. What does not belong here: Polars,
NumPy, any rule of `sizing`, and what the estimates do to a weight (reference_sizing.py).
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from math import fsum
from statistics import median
from typing import Protocol

SESSIONS_OF_A_YEAR = 252
OLDEST_LAST_RETURN = 5
BOUND_SLACK = 1e-9
"""A return within this of the plausible bound is at it: 100 after 150 is a fall by exactly a third."""
STORED_DECIMALS = 8


class RiskLimits(Protocol):
    """The limits of docs/risk.md 1 that the estimates read."""

    volatility_half_life_days: int
    volatility_window_days: int
    min_observations: int
    max_plausible_return: float
    volatility_mode: str
    volatility_strength: float
    min_volatility_multiplier: float
    max_volatility_multiplier: float
    reference_volatility: float | None
    correlation_mode: str
    correlation_half_life_days: int
    correlation_strength: float
    correlation_shrinkage: float
    min_crowding: float


@dataclass(frozen=True)
class Return:
    value: float
    is_given: bool = False


@dataclass(frozen=True)
class Price:
    day: date
    close: float | None = None
    factor: float | None = None
    daily_return: float | None = None


@dataclass(frozen=True)
class Estimate:
    """What is known of a name; one of `volatility` and `reason` is null."""

    volatility: float | None
    n_returns: int
    last_age: int | None
    reason: str | None = None
    suspect_ages: tuple[int, ...] = ()


Observed = Mapping[int, Return]
"""Returns of one name by their age in sessions."""
Pair = frozenset[str]


# Section 1 -------------------------------------------------------------------------------------------------


def returns_by_hand(prices: Sequence[Price], sessions: Sequence[date]) -> dict[date, Return]:
    """Return the returns of one asset; those of days that are no sessions of the portfolio do not exist."""
    of_day = {price.day: price for price in prices}
    found: dict[date, Return] = {}
    for number, session in enumerate(sessions):
        price = of_day.get(session)
        before = of_day.get(sessions[number - 1]) if number else None
        if price is None:
            continue
        if price.daily_return is not None:
            found[session] = Return(price.daily_return, is_given=True)
        elif price.close is not None and before is not None and before.close is not None:
            factor = 1.0 if price.factor is None else price.factor
            found[session] = Return(price.close * factor / before.close - 1)
    return found


def by_age(returns: Mapping[date, Return], sessions: Sequence[date]) -> dict[int, Return]:
    newest = len(sessions) - 1
    return {newest - sessions.index(session): one for session, one in returns.items() if session in sessions}


def is_suspect(one: Return, max_plausible_return: float) -> bool:
    """Whether a return is one that only a given return confirms: as large as x, or as what x makes up for."""
    most = 1 + max_plausible_return
    growth = 1 + one.value
    return not one.is_given and (growth >= most - BOUND_SLACK or growth * most <= 1 + BOUND_SLACK)


def estimate(observed: Observed, limits: RiskLimits) -> Estimate:
    """Return the volatility of one name, or the first reason why it has none."""
    window = {age: one for age, one in observed.items() if age < limits.volatility_window_days}
    suspect = tuple(sorted(age for age, one in window.items() if is_suspect(one, limits.max_plausible_return)))
    last = min(window, default=None)
    reason = None
    if not window:
        reason = "no_returns"
    elif suspect:
        reason = "suspect_return"
    elif len(window) < limits.min_observations:
        reason = "too_few_returns"
    elif last > OLDEST_LAST_RETURN:
        reason = "old_returns"
    else:
        exact = annual(variance(values(window), limits.volatility_half_life_days))
        volatility = round(exact, STORED_DECIMALS)
        if volatility > 0:
            return Estimate(volatility, len(window), last)
        reason = "flat_prices"
    return Estimate(None, len(window), last, reason, suspect)


def values(observed: Observed) -> dict[int, float]:
    return {age: one.value for age, one in observed.items()}


# Section 3 -------------------------------------------------------------------------------------------------


def decay(age: int, half_life: float) -> float:
    return 2 ** (-age / half_life)


def variance(returns: Mapping[int, float], half_life: float) -> float:
    """Return the variance of a day around a mean of 0, the weight halving every `half_life` sessions of age."""
    return covariance(returns, returns, half_life)


def covariance(one: Mapping[int, float], other: Mapping[int, float], half_life: float) -> float:
    common = one.keys() & other.keys()
    weighted = fsum(decay(age, half_life) * one[age] * other[age] for age in common)
    return weighted / fsum(decay(age, half_life) for age in common)


def annual(daily_variance: float) -> float:
    return math.sqrt(SESSIONS_OF_A_YEAR * daily_variance)


def reference_volatility(of_free: Collection[float], limits: RiskLimits) -> float | None:
    """Return the given reference, or the median over the selected free names before any drop."""
    if limits.reference_volatility is not None:
        return limits.reference_volatility
    return median(of_free) if of_free else None


def volatility_multiplier(volatility: float, reference: float, limits: RiskLimits) -> float:
    exact = (reference / volatility) ** limits.volatility_strength
    return min(max(exact, limits.min_volatility_multiplier), limits.max_volatility_multiplier)


def correlation(one: Mapping[int, float], other: Mapping[int, float], half_life: float) -> float:
    """Return rho over the common sessions alone, in all three sums."""
    common = one.keys() & other.keys()
    both = fsum(decay(age, half_life) * one[age] * other[age] for age in common)
    own, others = (fsum(decay(age, half_life) * of[age] ** 2 for age in common) for of in (one, other))
    return both / math.sqrt(own * others) if own * others > 0 else 0.0


def correlations(observed: Mapping[str, Observed], limits: RiskLimits) -> tuple[dict[Pair, float], set[Pair]]:
    """Return the shrunk correlation of each pair of names that have a volatility, and the pairs that took the mean."""
    within = {
        name: {age: one.value for age, one in of.items() if age < limits.volatility_window_days}
        for name, of in observed.items()
    }
    found: dict[Pair, float] = {}
    short: set[Pair] = set()
    for one, other in combinations(sorted(within), 2):
        pair = frozenset((one, other))
        if len(within[one].keys() & within[other].keys()) < limits.min_observations:
            short.add(pair)
        else:
            found[pair] = correlation(within[one], within[other], limits.correlation_half_life_days)
    mean = fsum(found.values()) / len(found) if found else 0.0
    filled = found | dict.fromkeys(short, mean)
    d = limits.correlation_shrinkage
    return {pair: (1 - d) * rho + d * mean for pair, rho in filled.items()}, short


def crowding(names: Collection[str], rho: Mapping[Pair, float], limits: RiskLimits) -> dict[str, float]:
    """Return how many names' worth each of the selected is, pinned ones among them."""
    return {
        name: round(
            max(limits.min_crowding, 1 + fsum(rho[frozenset((name, other))] for other in names if other != name)),
            STORED_DECIMALS,
        )
        for name in names
    }


# Of a whole portfolio --------------------------------------------------------------------------------------


def complete_ages(observed: Mapping[str, Observed], window: int) -> list[int]:
    """Return the ages at which every one of the names has a return, none where there is no name."""
    common = set.intersection(*(set(of) for of in observed.values())) if observed else set()
    return sorted(age for age in common if age < window)


def returns_of_weights(weights: Mapping[str, float], observed: Mapping[str, Observed], window: int) -> dict[int, float]:
    """Return what these weights made of each complete session; a name of weight 0 leaves no session out."""
    held = {name: observed[name] for name, weight in weights.items() if weight > 0}
    ages = complete_ages(held, window)
    return {age: fsum(weights[name] * held[name][age].value for name in held) for age in ages}


def largest_scale(a: float, b: float, e: float, target: float) -> tuple[float, bool]:
    """Return k, and whether a k^2 + 2 b k + e <= target^2 for some k in [0, 1]."""
    if a == 0:
        return 1.0, e <= target**2
    discriminant = b * b - a * (e - target**2)
    if discriminant >= 0:
        lower, upper = (-b - math.sqrt(discriminant)) / a, (-b + math.sqrt(discriminant)) / a
        if lower <= 1 and upper >= 0:
            return min(1.0, upper), True
    return min(max(-b / a, 0.0), 1.0), False


def round_scale_down(k: float) -> float:
    return math.floor(k * 10**STORED_DECIMALS + 1e-6) / 10**STORED_DECIMALS


def risk_shares(weights: Mapping[str, float], observed: Mapping[str, Observed], limits: RiskLimits) -> dict[str, float]:
    """Return each name's share of the variance of the weights; they add up to 1."""
    held = {name: weight for name, weight in weights.items() if weight > 0}
    portfolio = returns_of_weights(held, observed, limits.volatility_window_days)
    half_life = limits.volatility_half_life_days
    whole = fsum(decay(age, half_life) * one**2 for age, one in portfolio.items())
    if whole == 0:
        return {}
    return {
        name: weight
        * fsum(decay(age, half_life) * observed[name][age].value * one for age, one in portfolio.items())
        / whole
        for name, weight in held.items()
    }
