"""What follows from the formulas of docs/risk.md, by hand: product and reference alike.

The names move by `made_of`: exactly the volatilities and correlations of the example, under a half-life of 40.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from sizing import RebalancingLimits
from sizing.pipeline import rebalance
from tests.sizing.reference.portfolio import UNITS, Line
from tests.sizing.risk.days import (
    FREE,
    HALF_LIFE,
    Series,
    audit,
    estimates,
    made_of,
    observe,
    risk_day,
    summary,
    weights_of,
)
from tests.sizing.risk.reference import annual, estimate, largest_scale, variance
from tests.sizing.risk.reference_sizing import size_with_risk

PRINTED = 1.01e-8
"""The examples are printed with eight decimals, as weights are stored."""

INVERSE = {**FREE, "volatility_mode": "inverse", "max_volatility_multiplier": 10, "min_volatility_multiplier": 0.01}
CROWDING = {**FREE, "correlation_mode": "crowding"}
SERIES = made_of({"a": 0.1, "b": 0.2, "c": 0.4, "d": 0.8})


@dataclass(frozen=True)
class Sized:
    """What the examples print, by asset and for the portfolio."""

    weights: Mapping[str, float]
    cash: float
    multipliers: Mapping[str, float]
    crowding: Mapping[str, float]
    caps: Mapping[str, float]
    shares: Mapping[str, float]
    scale: float
    unscaled_volatility: float
    portfolio_volatility: float


Sizer = Callable[..., Sized]


def by_reference(
    asked: Mapping[str, Any], series: Mapping[str, Series], pins: Mapping[str, float] | None = None
) -> Sized:
    limits, held = RebalancingLimits(**asked), pins or {}
    lines = [
        Line(name, name[0], None if name in held else 0.8, is_held=name in held, pinned_weight=held.get(name))
        for name in series
    ]
    risk = size_with_risk(lines, limits, observe(series))
    return Sized(
        {name: units / UNITS for name, units in risk.units().items()},
        float(risk.portfolio.cash_weight()),
        *(risk.multipliers, risk.crowding),
        {name: min(cap, limits.max_single_position) for name, cap in risk.caps.items()},
        *(risk.shares, risk.scale, risk.unscaled_volatility, risk.portfolio_volatility),
    )


def by_product(
    asked: Mapping[str, Any], series: Mapping[str, Series], pins: Mapping[str, float] | None = None
) -> Sized:
    held = {name: str(weight) for name, weight in (pins or {}).items()}
    scores = {name: 0.8 for name in series if name not in held}
    result = rebalance(risk_day(RebalancingLimits(**asked), series, scores=scores, held=held))
    weights, rows, whole = weights_of(result), audit(result), summary(result)
    cash = weights.pop("CASH")
    multipliers, crowding, caps, shares = (
        {name: as_float(row[column]) for name, row in rows.items()}
        for column in ("volatility_multiplier", "crowding", "position_cap", "risk_share")
    )
    return Sized(
        *(weights, cash, multipliers, crowding, caps, shares),
        *(whole[name] for name in ("risk_scale", "unscaled_volatility", "portfolio_volatility")),
    )


@pytest.fixture(params=[by_reference, by_product], ids=["reference", "product"])
def size(request: pytest.FixtureRequest) -> Sizer:
    return request.param


def as_float(value: Decimal | float | None) -> float | None:
    return None if value is None else float(value)


def near(of: Mapping[str, float], tolerance: float = PRINTED) -> object:
    return pytest.approx(dict(of), rel=0, abs=tolerance)


def each(*values: float, names: str = "abcd") -> dict[str, float]:
    return dict(zip(names, values, strict=False))


def test_example_1_volatility_of_three_returns() -> None:
    # l = 2^-1/2: (.0001 + .0004 / 2^.5 + .0009 / 2) / (1 + 2^-.5 + .5); half-life 2 is below the bounds of the limit
    daily = variance({0: 0.01, 1: -0.02, 2: 0.03}, 2)
    assert daily == pytest.approx(0.00037735, abs=1e-8)
    assert math.sqrt(daily) == pytest.approx(0.01942539, abs=1e-8)
    assert annual(daily) == pytest.approx(0.30836856, abs=1e-8)


def test_example_1_within_the_bounds_of_the_limits() -> None:
    # half-life 10, all zero but ages 0 and 10: (.0001 + .0004 / 2) / sum l^k, sum l^k = (1 - 2^-2) / (1 - 2^-.1)
    series = {"a": (0.01, *(0.0,) * 9, -0.02, *(0.0,) * 9)}
    by_hand = math.sqrt(252 * 0.0003 * (1 - 2**-0.1) / 0.75)
    assert by_hand == pytest.approx(0.08216005, abs=1e-8)
    settings = {"volatility_half_life_days": 10, "volatility_window_days": 20, "min_observations": 20}
    limits = RebalancingLimits(**INVERSE, **settings)
    assert estimate(observe(series)["a"], limits).volatility == pytest.approx(by_hand, abs=1e-8)
    row = estimates(rebalance(risk_day(limits, series)))["a"]
    assert row["volatility"] == pytest.approx(by_hand, abs=1e-8)
    assert (row["n_returns"], row["missing_reason"], row["suspect_session"]) == (20, None, None)


def test_example_2_inverse_volatility_between_its_clips(size: Sizer) -> None:
    limits = {**FREE, "volatility_mode": "inverse", "max_single_position": 0.5}
    sized = size(limits, SERIES)
    assert sized.multipliers == near(each(2, 1.5, 0.75, 0.5), 1e-12)  # the median of .2 and .4 is .30
    assert sized.weights == near(each(0.4, 0.3, 0.15, 0.1))
    assert sized.cash == 0


@pytest.mark.parametrize(
    ("strength", "weights"), [(0.5, (0.26360390, 0.26360390, 0.37279221)), (1, (0.225, 0.225, 0.45))]
)
def test_example_3_copies_share(size: Sizer, strength: float, weights: tuple[float, ...]) -> None:
    series = made_of(each(0.2, 0.2, 0.2), {("a", "b"): 1.0})
    limits = {**CROWDING, "target_total_allocation": 0.9, "max_single_position": 1, "correlation_strength": strength}
    sized = size(limits, series)
    assert sized.crowding == near(each(2, 2, 1))
    assert sized.weights == near(each(*weights))


MAILLARD = made_of(each(0.1, 0.2, 0.3, 0.4), {("a", "b"): 0.8, ("c", "d"): -0.5})


def test_example_4_half_strength_is_equal_risk_on_uncorrelated_blocks(size: Sizer) -> None:
    limits = {**INVERSE, "correlation_mode": "crowding", "max_single_position": 1, "target_total_allocation": 1}
    sized = size(limits, MAILLARD)
    assert sized.crowding == near(each(1.8, 1.8, 0.5, 0.5))
    assert sized.weights == near(each(0.38361251, 0.19180625, 0.24261785, 0.18196339), 2e-8)
    assert sized.shares == near(each(0.25, 0.25, 0.25, 0.25), 1e-7)


def test_example_5_a_target_volatility_scales_the_free_positions(size: Sizer) -> None:
    series = made_of(each(0.2, 0.3), {("a", "b"): 0.5})
    sized = size({**FREE, "max_single_position": 0.5, "target_volatility": 0.15}, series)
    assert sized.unscaled_volatility == pytest.approx(0.20704770, abs=1e-8)
    assert sized.scale == pytest.approx(0.72447074, abs=PRINTED)
    assert sized.weights == near(each(0.34412360, 0.34412360))
    assert sized.cash == pytest.approx(0.26175280, abs=2 * PRINTED)
    assert sized.portfolio_volatility == pytest.approx(0.15, abs=1e-7)


def test_example_6_only_the_free_part_is_scaled(size: Sizer) -> None:
    series = made_of({"p": 0.3, "f": 0.2}, {("p", "f"): 0.5})
    limits = {**FREE, "max_single_position": 0.6, "target_total_allocation": 0.8, "target_volatility": 0.12}
    sized = size(limits, series, {"p": 0.2})
    assert sized.scale == pytest.approx(0.65138782, abs=PRINTED)
    assert sized.weights == near({"p": 0.2, "f": 0.39083269})
    assert sized.portfolio_volatility == pytest.approx(0.12, abs=1e-7)


def test_example_7_the_risk_of_a_position_is_its_cap(size: Sizer) -> None:
    limits = {**FREE, "max_position_risk": 0.02}  # c .15: .02 / .1 = .20 is no cap of its own
    sized = size(limits, made_of(each(0.1, 0.2, 0.4)))
    assert sized.caps == near(each(0.15, 0.1, 0.05), 0)
    assert sized.weights == near(each(0.15, 0.1, 0.05), 0)
    assert sized.cash == pytest.approx(0.65, abs=0)


def test_example_8_the_larger_root_although_the_pinned_alone_exceed_it(size: Sizer) -> None:
    # f .5 of .28284271, p .5 of .3, rho -.01 / (.14142136 x .15): a .02, b -.01, e .0225; k^2 - k + .145 = 0
    assert largest_scale(0.02, -0.01, 0.0225, 0.14) == (pytest.approx(0.82403703, abs=1e-8), True)
    series = made_of({"p": 0.3, "f": math.sqrt(0.08)}, {("p", "f"): -0.01 / (0.15 * math.sqrt(0.02))})
    limits = {**FREE, "max_single_position": 0.5, "target_total_allocation": 1, "target_volatility": 0.14}
    sized = size(limits, series, {"p": 0.5})
    assert sized.scale == pytest.approx(0.82403703, abs=PRINTED)
    assert sized.weights == near({"p": 0.5, "f": 0.41201851})
    assert sized.portfolio_volatility == pytest.approx(0.14, abs=1e-7)


def test_where_no_scale_attains_the_target_the_least_variance_is_taken(size: Sizer) -> None:
    # a .02, b -.01, e .0225 as above, target .10: the least is .0225 - .01^2 / .02 = .0175, at k = .5
    series = made_of({"p": 0.3, "f": math.sqrt(0.08)}, {("p", "f"): -0.01 / (0.15 * math.sqrt(0.02))})
    limits = {**FREE, "max_single_position": 0.5, "target_total_allocation": 1, "target_volatility": 0.10}
    sized = size(limits, series, {"p": 0.5})
    assert sized.scale == pytest.approx(0.5, abs=PRINTED)
    assert sized.portfolio_volatility == pytest.approx(math.sqrt(0.0175), abs=1e-7)


def test_pinned_positions_that_exceed_the_target_alone_close_every_free_name(size: Sizer) -> None:
    series = made_of({"p": 0.4, "f": 0.2, "g": 0.2})
    limits = {**FREE, "max_single_position": 0.5, "target_total_allocation": 1, "target_volatility": 0.15}
    sized = size(limits, series, {"p": 0.5})
    assert sized.scale == 0
    assert sized.weights == near({"p": 0.5, "f": 0, "g": 0}, 0) or sized.weights == near({"p": 0.5}, 0)
    assert sized.cash == pytest.approx(0.5, abs=0)


def test_pinned_names_crowd_and_get_no_multiplier(size: Sizer) -> None:
    # n_f = 1.75 of pinned p and itself, g is alone: sqrt(1.75) : 1 shares of what p leaves
    series = made_of({"p": 0.2, "f": 0.2, "g": 0.2}, {("p", "f"): 0.75})
    limits = {**CROWDING, "max_single_position": 1, "target_total_allocation": 0.7}
    sized = size(limits, series, {"p": 0.2})
    assert sized.crowding == near({"p": 1.75, "f": 1.75, "g": 1})
    f = 0.5 / (1 + math.sqrt(1.75))
    assert sized.weights == near({"p": 0.2, "f": f, "g": 0.5 - f})


def test_shrinkage_pulls_towards_the_mean_of_the_selected(size: Sizer) -> None:
    # mean rho .9 / 3 = .3; d .2: .72 + .06 for the pair, .06 for the others; n 1 + .78 + .06, 1 + .12
    series = made_of(each(0.2, 0.2, 0.2), {("a", "b"): 0.9})
    sized = size({**CROWDING, "correlation_shrinkage": 0.2, "max_single_position": 1}, series)
    assert sized.crowding == near(each(1.84, 1.84, 1.12))


def test_crowding_has_its_own_half_life(size: Sizer) -> None:
    # ages 0..19 together, 20..59 opposed, each move of one size: rho = (2 (1 - x^20) - (1 - x^60)) / (1 - x^60)
    moves = [0.01 if age % 3 else -0.01 for age in range(60)]
    series = {"a": moves, "b": [move if age < 20 else -move for age, move in enumerate(moves)]}
    x = 2 ** (-1 / 20)
    rho = (2 * (1 - x**20) - (1 - x**60)) / (1 - x**60)
    sized = size({**CROWDING, "correlation_half_life_days": 20, "max_single_position": 1}, series)
    assert sized.crowding == near(each(1 + rho, 1 + rho))
    assert sized.portfolio_volatility != pytest.approx(0.475 * 0.01 * math.sqrt(252 * (2 + 2 * rho)), abs=1e-4)
    assert HALF_LIFE == 40


def test_strength_and_reference_of_the_multiplier(size: Sizer) -> None:
    limits = {**INVERSE, "volatility_strength": 0.5, "reference_volatility": 0.4}
    sized = size(limits, SERIES)
    assert sized.multipliers == near(each(2, math.sqrt(2), 1, math.sqrt(0.5)), 1e-12)


def test_risk_shares_of_two_names(size: Sizer) -> None:
    # .475^2 (.04 + .03) and .475^2 (.09 + .03) of .475^2 x .19
    series = made_of(each(0.2, 0.3), {("a", "b"): 0.5})
    sized = size({**FREE, "max_single_position": 0.5, "target_volatility": 1}, series)
    assert sized.scale == 1
    assert sized.shares == near(each(7 / 19, 12 / 19), 1e-7)
