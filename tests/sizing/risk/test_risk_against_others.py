"""What others compute: equal-risk portfolios by cvxpy, exponentially weighted moments by pandas and by skfolio.

skfolio's numbers were made once, by skfolio 1.12.2, from the series of `wave`, oldest first:

    X = np.column_stack([[wave(name, age) for age in range(89, -1, -1)] for name in range(4)])
    c = EWCovariance(half_life=40, min_observations=1, nearest=False).fit(X).covariance_
    np.sqrt(252 * np.diag(c)); c / np.sqrt(np.outer(np.diag(c), np.diag(c)))
    X[:40, 3] = np.nan  # LATE; active_mask is False there, too
    X[60:66, 1] = np.nan  # GAP

A gap ages what is before it here, as in pandas with ignore_na=False. In skfolio it does not, as with ignore_na=True.
"""

import math
from importlib import import_module
from random import Random

import numpy as np
import pandas as pd
import pytest

from sizing import RebalancingLimits
from sizing.pipeline import rebalance
from tests.helpers.examples import examples
from tests.sizing.risk.days import FREE, Series, audit, estimates, made_of, risk_day, summary, weights_of
from tests.sizing.risk.drawn import NAMES

N_SESSIONS = 90
VOLATILITIES = (0.14562707, 0.19461254, 0.242695, 0.28927639)
CORRELATIONS = {
    ("a", "b"): 0.42035884, ("a", "c"): -0.26981471, ("a", "d"): -0.73360029,
    ("b", "c"): 0.47866595, ("b", "d"): -0.33916237, ("c", "d"): 0.48255025,
}  # fmt: skip
LATE = 0.29010136
GAP_THAT_AGES_NOTHING = 0.19290293
STORED = 1.5e-8
SOLVER_TOLERANCE = 2e-6

ESTIMATED = RebalancingLimits(
    **{**FREE, "max_single_position": 1, "min_crowding": 0.1}, volatility_mode="inverse", correlation_mode="crowding",
    max_missing_volatility_share=1, min_observations=40,
)  # fmt: skip


def wave(name: int, age: int) -> float:
    swing = 0.01 * (1 + 0.5 * name) * math.sin(1.7 * age + name)
    return round(swing + 0.008 * math.cos(0.9 * age * (1 + 0.1 * name)), 4)


def waves() -> dict[str, list[float | None]]:
    return {asset: [wave(name, age) for age in range(N_SESSIONS)] for name, asset in enumerate("abcd")}


def volatilities_of(series: dict[str, Series]) -> dict[str, float]:
    return {asset: row["volatility"] for asset, row in estimates(rebalance(risk_day(ESTIMATED, series))).items()}


def test_volatilities_and_crowding_are_those_of_skfolio() -> None:
    result = rebalance(risk_day(ESTIMATED, waves()))
    found = {asset: row["volatility"] for asset, row in estimates(result).items()}
    assert found == pytest.approx(dict(zip("abcd", VOLATILITIES, strict=True)), abs=STORED)
    for asset, row in audit(result).items():
        others = sum(rho for pair, rho in CORRELATIONS.items() if asset in pair)
        assert row["crowding"] == pytest.approx(max(0.1, 1 + others), abs=5e-8)


def test_a_late_listing_is_that_of_skfolio() -> None:
    late = waves()
    late["d"] = late["d"][:50]
    assert volatilities_of(late)["d"] == pytest.approx(LATE, abs=STORED)


def test_a_gap_ages_what_is_before_it_as_in_pandas() -> None:
    gap = waves()
    gap["b"] = [None if 24 <= age < 30 else one for age, one in enumerate(gap["b"])]
    oldest_first = pd.Series(gap["b"][::-1], dtype=float)
    means = [(oldest_first**2).ewm(halflife=40, ignore_na=ignored).mean().iloc[-1] for ignored in (False, True)]
    ages, does_not = (math.sqrt(252 * mean) for mean in means)
    found = volatilities_of(gap)
    assert found["b"] == pytest.approx(ages, abs=STORED)
    assert does_not == pytest.approx(GAP_THAT_AGES_NOTHING, abs=STORED)
    assert abs(found["b"] - does_not) > 1e-4
    assert [found[name] for name in "acd"] == pytest.approx([VOLATILITIES[number] for number in (0, 2, 3)], abs=STORED)


@pytest.mark.parametrize("seed", range(examples(12)))
def test_moments_with_gaps_are_those_of_pandas(seed: int) -> None:
    random = Random(seed)
    half_lives = {"volatility_half_life_days": random.choice((5, 40)), "correlation_half_life_days": 30}
    series = {
        name: [None if random.random() < 0.15 else random.gauss(0, 0.02) for _ in range(N_SESSIONS)] for name in "ab"
    }
    series["a"][0] = series["b"][1] = 0.01  # not old
    result = rebalance(risk_day(ESTIMATED.model_copy(update=half_lives | {"min_observations": 30}), series))
    frame = pd.DataFrame(series, dtype=float)[::-1]
    kept = {"halflife": half_lives["volatility_half_life_days"], "ignore_na": False}
    expected = np.sqrt(252 * (frame**2).ewm(**kept).mean().iloc[-1])
    for name, row in estimates(result).items():
        assert row["volatility"] == pytest.approx(expected[name], abs=STORED)
        assert row["n_returns"] == frame[name].count()
    common = frame.dropna().reindex(frame.index)
    sums = {
        pair: (common[pair[0]] * common[pair[1]]).ewm(halflife=30, ignore_na=False).mean().iloc[-1]
        for pair in ("ab", "aa", "bb")
    }
    crowding = 1 + sums["ab"] / math.sqrt(sums["aa"] * sums["bb"])
    assert [row["crowding"] for row in audit(result).values()] == pytest.approx([crowding] * 2, abs=STORED)


def equal_risk(covariance: np.ndarray) -> np.ndarray:
    """Return the weights, of sum 1, that have equal shares in the risk: least w' S w / 2 - sum log w, scaled."""
    cp = import_module("cvxpy")  # a second, which the test workers without this test need not spend
    w = cp.Variable(len(covariance))
    scaled = covariance / np.mean(np.diag(covariance))
    problem = cp.Problem(cp.Minimize(cp.quad_form(w, cp.psd_wrap(scaled)) / 2 - cp.sum(cp.log(w))))
    problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12)
    return w.value / w.value.sum()


def blocks(random: Random) -> tuple[dict[str, float], dict[tuple[str, str], float]]:
    """Draw names in blocks of up to three, of one correlation each, uncorrelated with those of other blocks."""
    volatilities = {name: round(random.uniform(0.1, 0.6), 3) for name in NAMES[: random.randint(3, 8)]}
    rho: dict[tuple[str, str], float] = {}
    names = list(volatilities)
    while names:
        block, names = names[: random.randint(1, 3)], names[3:]
        common = round(random.uniform(-0.3, 0.9), 2)
        rho |= {(one, other): common for one in block for other in block if one < other}
    return volatilities, rho


@pytest.mark.parametrize("seed", range(examples(12)))
def test_half_strength_on_uncorrelated_blocks_is_equal_risk(seed: int) -> None:
    volatilities, rho = blocks(Random(seed))
    limits = ESTIMATED.model_copy(
        update={"max_volatility_multiplier": 10.0, "min_volatility_multiplier": 0.01, "target_total_allocation": 1.0}
    )
    result = rebalance(risk_day(limits, made_of(volatilities, rho)))
    names = list(volatilities)
    both = rho | {(y, x): value for (x, y), value in rho.items()} | {(x, x): 1.0 for x in names}
    covariance = np.array([[volatilities[x] * volatilities[y] * both.get((x, y), 0.0) for y in names] for x in names])
    weights = weights_of(result)
    assert [weights[name] for name in names] == pytest.approx(equal_risk(covariance).tolist(), abs=SOLVER_TOLERANCE)
    shares = [row["risk_share"] for row in audit(result).values()]
    assert shares == pytest.approx([1 / len(names)] * len(names), abs=1e-6)


@pytest.mark.parametrize("seed", range(examples(12)))
def test_the_scale_is_the_largest_that_cvxpy_finds(seed: int) -> None:
    random = Random(seed)
    volatilities = {"p": random.uniform(0.1, 0.5), "f": random.uniform(0.1, 0.5), "g": random.uniform(0.1, 0.5)}
    rho = {("p", "f"): random.uniform(-0.8, 0.8), ("f", "g"): random.uniform(-0.3, 0.6)}
    rho |= {("p", "g"): rho["p", "f"] * rho["f", "g"]}
    target, p = round(random.uniform(0.03, 0.2), 3), round(random.uniform(0.05, 0.4), 2)
    limits = RebalancingLimits(
        **{**FREE, "max_single_position": 0.5}, target_volatility=target, target_total_allocation=1
    )
    day = risk_day(limits, made_of(volatilities, rho), held={"p": str(p)}, scores={"f": 0.8, "g": 0.8})
    row = summary(rebalance(day))
    free = min(0.5, (1 - p) / 2)
    weights = np.array([[0.0, free, free], [p, 0.0, 0.0]])
    sizes = np.array(list(volatilities.values()))
    correlation = np.eye(3)
    for (one, other), value in rho.items():
        at = "pfg".index(one), "pfg".index(other)
        correlation[at] = correlation[at[::-1]] = value
    covariance = correlation * np.outer(sizes, sizes)
    (a, b), (_, e) = weights @ covariance @ weights.T
    cp = import_module("cvxpy")
    k = cp.Variable()
    variance = a * cp.square(k) + 2 * b * k + e
    problem = cp.Problem(cp.Maximize(k), [k >= 0, k <= 1, variance <= target**2])
    problem.solve(solver=cp.CLARABEL)
    if problem.status in {"infeasible", "infeasible_inaccurate"}:
        problem = cp.Problem(cp.Minimize(variance), [k >= 0, k <= 1])
        problem.solve(solver=cp.CLARABEL)
    assert row["risk_scale"] == pytest.approx(float(k.value), abs=1e-5)
