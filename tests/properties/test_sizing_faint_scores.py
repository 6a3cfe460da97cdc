"""Scores of any size in [0, 1], down to the smallest double, keep the limits and the total.

Agreement to the unit is asked for down to 1e-12 (test_sizing_agrees_with_reference.py). Below, a double cannot hold a
weight of 1 and one of 1e-20 in one sum, so only what must never break is asked: guarantees 1, 2, 3 and 5.
"""

import sys
from functools import cache
from random import Random

import pytest

from sizing import RebalancingLimits
from tests.helpers.examples import examples
from tests.properties.strategies import make_portfolio
from tests.properties.test_sizing_guarantees import GUARANTEES, check
from tests.sizing.cases import Asked, Case, size_all
from tests.sizing.reference.portfolio import Line

SMALLEST = 5e-324
PORTFOLIOS = examples(300)
KEPT = (
    "test_positions_and_cash_make_up_the_target_exactly",
    "test_no_weight_is_negative",
    "test_no_position_is_above_the_cap_at_any_stage",
    "test_no_sized_position_is_below_the_minimum",
    "test_no_bucket_is_above_its_limit",
    "test_a_higher_score_in_the_same_bucket_and_held_state_never_gets_less",
    "test_stage_2_and_the_residual_never_lower_a_weight",
)


def make_faint(rng: Random, faintest: int) -> Asked:
    lines, limits = make_portfolio(rng, largest=12)
    faint = [Line(x.asset, x.bucket, 10.0 ** -rng.uniform(0, faintest), x.is_held) for x in lines]
    changes = {"sizing_mode": "score_weighted", "enable_dynamic_sizing": True}
    return faint, limits.model_copy(update=changes)


@cache
def faint_cases(faintest: int) -> tuple[Case, ...]:
    """Many faint portfolios, sized once for all properties, the smallest first."""
    rng = Random(faintest)
    cases = size_all([make_faint(rng, faintest) for _ in range(PORTFOLIOS)])
    return tuple(sorted(cases, key=lambda case: len(case.rows)))


@pytest.mark.parametrize("name", KEPT)
@pytest.mark.parametrize("faintest", [20, 100, 320])
def test_faint_scores_break_nothing(faintest: int, name: str) -> None:
    where, holds = GUARANTEES[name]
    for case in faint_cases(faintest):
        if where(case):
            check(case, holds)


@pytest.mark.parametrize("score", [SMALLEST, sys.float_info.min, 1e-300])
def test_equal_scores_weigh_the_same_however_small(score: float) -> None:
    lines = [Line(name, "x", score) for name in "abcd"]
    limits = RebalancingLimits(sizing_mode="score_weighted", target_total_allocation=1, max_single_position=1)
    case = size_all([(lines, limits)])[0]
    assert [float(row["target_weight"]) for row in case.rows] == [0.25] * 4


def test_faint_scores_beside_a_pinned_holding_and_a_score_of_zero_share_what_is_left() -> None:
    pinned = Line("pinned", "x", None, is_held=True, pinned_weight=0.2)
    lines = [pinned, Line("none", "x", 0.0), *(Line(name, "x", SMALLEST) for name in "abcd")]
    limits = RebalancingLimits(
        sizing_mode="score_weighted", target_total_allocation=1, max_single_position=1, min_position_size=0.0
    )
    case = size_all([(lines, limits)])[0]
    weights = {row["asset"]: float(row["target_weight"]) for row in case.rows}
    assert weights == {"pinned": 0.2, "none": 0.0} | dict.fromkeys("abcd", 0.2)
