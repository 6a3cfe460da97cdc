"""One small portfolio for each rule of docs/sizing.md 2 to 5, with every number worked out by hand."""

from decimal import Decimal
from typing import Any

import pytest

from sizing import RebalancingLimits
from tests.golden.conftest import Sizer, size_by_product
from tests.golden.test_worked_examples import BY_HAND, column, free, near
from tests.sizing.reference.portfolio import Line

PLAIN = {"sizing_mode": "equal_weight", "min_position_size": 0, "max_single_position": 1}


def limits(**changes: object) -> RebalancingLimits:
    return RebalancingLimits(**{**PLAIN, "target_total_allocation": 1, **changes})


def decimals(*texts: str) -> list[Decimal]:
    return [Decimal(text) for text in texts]


# Section 2 -------------------------------------------------------------------------------------------------


def test_a_held_asset_has_its_multiplier_raised_by_the_bias(size: Sizer) -> None:
    # q = 1.5 x 1.02 = 1.53 and 1.5 share .303 as .153 and .150
    lines = [Line("held", "x", 0.95, is_held=True), Line("new", "x", 0.95)]
    case = size(lines, limits(sizing_mode="adaptive", target_total_allocation=0.303))
    assert column(case, "score_multiplier") == near(1.53, 1.5)
    assert column(case, "target_weight") == decimals("0.153", "0.150")


def test_the_bias_is_for_adaptive_sizing_alone(size: Sizer) -> None:
    lines = [Line("held", "x", 0.5, is_held=True), Line("new", "x", 0.5)]
    assert column(size(lines, limits(sizing_mode="score_weighted")), "score_multiplier") == [0.5, 0.5]
    assert column(size(lines, limits()), "score_multiplier") == [1, 1]


def test_scores_that_are_all_zero_weigh_alike(size: Sizer) -> None:
    case = size(free(0, 0, 0, 0), limits(sizing_mode="score_weighted"))
    assert column(case, "score_multiplier") == [1] * 4
    assert column(case, "target_weight") == decimals("0.25", "0.25", "0.25", "0.25")


def test_a_score_of_zero_among_others_has_no_size(size: Sizer) -> None:
    case = size(free(0.6, 0.2, 0), limits(sizing_mode="score_weighted"))
    assert column(case, "drop_reason") == [None, None, "no_size"]
    assert column(case, "target_weight") == decimals("0.75", "0.25", "0")
    dropped = case.rows[2]
    names = ("score_multiplier", "raw_weight", "stage1_weight", "stage2_weight", "residual_weight")
    assert [dropped[name] for name in names] == [0] * 5


def test_below_the_last_tier_there_is_no_size_and_no_tier(size: Sizer) -> None:
    case = size(free(0.6, 0.59999), limits(sizing_mode="adaptive"))
    assert column(case, "size_category") == ["light", "none"]
    assert column(case, "drop_reason") == [None, "no_size"]
    assert column(case, "target_weight") == decimals("1", "0")


def test_no_size_is_settled_before_the_minimum_is(size: Sizer) -> None:
    # floor(.95 / .4) = 2 stay of the three that have a size
    asked = limits(sizing_mode="adaptive", target_total_allocation=0.95, min_position_size=0.4)
    case = size(free(0.9, 0.8, 0.7, 0.5), asked)
    assert column(case, "drop_reason") == [None, None, "below_min_position_size", "no_size"]


def test_equal_scores_are_dropped_from_the_end_of_the_alphabet(size: Sizer) -> None:
    # floor(.6 / .2) is three although 0.6 / 0.2 is 2.9999999999999996 in binary
    lines = [Line(name, "x", 0.7) for name in ("d", "b", "a", "c")]
    case = size(lines, limits(target_total_allocation=0.6, min_position_size=0.2))
    assert case.weights() == dict(zip("abcd", decimals("0.2", "0.2", "0.2", "0"), strict=True))
    assert case.row("d")["drop_reason"] == "below_min_position_size"
    assert (case.summary["n_selected"], case.summary["n_sized"], case.summary["n_dropped"]) == (4, 3, 1)


def test_buckets_drop_before_the_portfolio_does(size: Sizer) -> None:
    # Bucket x holds floor(.2 / .1) = 2, so x3 goes; then three of three stay: y1, last by score, is kept.
    asked = limits(
        target_total_allocation=0.3,
        min_position_size=0.1,
        enable_bucket_diversification=True,
        max_allocation_per_bucket=1,
        max_allocation_by_bucket={"x": 0.2},
    )
    case = size([*free(0.9, 0.8, 0.7, bucket="x"), *free(0.6, bucket="y")], asked)
    assert case.weights() == dict(zip(("x1", "x2", "x3", "y1"), decimals("0.1", "0.1", "0", "0.1"), strict=True))


def test_the_minimum_is_met_inside_the_total(size: Sizer) -> None:
    # .8 lambda + .2 + .2 = 1
    case = size(free(0.8, 0.1, 0.1), limits(sizing_mode="score_weighted", min_position_size=0.2))
    assert column(case, "raw_weight") == near(0.6, 0.2, 0.2)


# Section 3 -------------------------------------------------------------------------------------------------

BUCKETS = {"enable_bucket_diversification": True, "max_allocation_per_bucket": 1}


def test_a_bucket_is_cut_in_proportion_down_to_the_minimum(size: Sizer) -> None:
    # Bucket a: .6 theta + .1 = .3, theta = 1/3. Bucket b takes the .7 that is left.
    asked = limits(sizing_mode="score_weighted", min_position_size=0.1, **BUCKETS, max_allocation_by_bucket={"a": 0.3})
    case = size([*free(0.6, 0.1, bucket="a"), *free(0.3, bucket="b")], asked)
    assert [case.row(name)["stage1_weight"] for name in ("a1", "a2", "b1")] == near(0.2, 0.1, 0.3)
    assert [case.row(name)["stage1_cap"] for name in ("a1", "a2", "b1")] == ["bucket", "bucket", None]
    assert case.weights() == dict(zip(("a1", "a2", "b1"), decimals("0.2", "0.1", "0.7"), strict=True))


def test_a_full_bucket_stops_the_factor_and_the_residual(size: Sizer) -> None:
    # r = 1/6. a: theta = .3 / .5, so .1 each. f = .7 / .5 = 1.4, but b stops at .4: f_b = 1.2, so .2 each.
    # c has 1.4/6 = .2333.. and .05 of the R = .0666..; nobody else has room; 1/60 is cash.
    asked = limits(
        residual_strategy="proportional",
        enable_bucket_diversification=True,
        max_allocation_per_bucket=0.4,
        max_allocation_by_bucket={"a": 0.3},
    )
    lines = [*free(0.9, 0.9, 0.9, bucket="a"), *free(0.8, 0.8, bucket="b"), *free(0.7, bucket="c")]
    case = size(lines, asked)
    assert column(case, "stage1_weight") == near(0.1, 0.1, 0.1, 1 / 6, 1 / 6, 1 / 6)
    assert column(case, "stage2_weight") == near(0.1, 0.1, 0.1, 0.2, 0.2, 1.4 / 6)
    assert column(case, "stage2_cap") == [None, None, None, "bucket", "bucket", None]
    assert column(case, "residual_weight") == near(0, 0, 0, 0, 0, 0.05)
    assert column(case, "residual_limit") == ["bucket_cap"] * 5 + ["max_residual_per_asset"]
    assert column(case, "target_weight") == decimals("0.1", "0.1", "0.1", "0.2", "0.2", "0.28333333")
    assert case.summary["cash_weight"] == Decimal("0.01666667")


# z .5 is cut to .3 and f = .7 / .5 = 1.4, so y .25 is cut to .3, and a: .182 + .168 = .35. R = .05.
SLICE = [Line("z", "z", 0.50), Line("y", "y", 0.25), Line("a1", "a", 0.13), Line("a2", "a", 0.12)]


def slice_limits(**changes: object) -> RebalancingLimits:
    return limits(sizing_mode="score_weighted", max_single_position=0.3, **BUCKETS, **changes)


def test_the_top_slice_takes_no_more_than_its_bucket_has(size: Sizer) -> None:
    asked = slice_limits(residual_strategy="safe_top_slice", max_allocation_by_bucket={"a": 0.37})
    case = size(SLICE, asked)
    assert column(case, "stage2_weight") == near(0.3, 0.3, 0.182, 0.168)
    assert column(case, "stage2_cap") == [None, "position", None, None]
    assert column(case, "residual_weight") == near(0, 0, 0.02, 0)
    assert column(case, "residual_limit") == ["position_cap", "position_cap", "bucket_cap", "bucket_cap"]
    assert case.summary["cash_weight"] == Decimal("0.03")


def test_the_proportional_residual_fills_a_bucket_in_proportion(size: Sizer) -> None:
    asked = slice_limits(residual_strategy="proportional", max_allocation_by_bucket={"a": 0.37})
    case = size(SLICE, asked)
    assert column(case, "residual_weight") == near(0, 0, 0.02 * 0.182 / 0.35, 0.02 * 0.168 / 0.35)
    assert column(case, "target_weight") == decimals("0.3", "0.3", "0.1924", "0.1776")


def test_the_top_slice_ends_where_the_residual_is_spent(size: Sizer) -> None:
    case = size(SLICE, slice_limits(residual_strategy="safe_top_slice", max_residual_per_asset=0.04))
    assert column(case, "residual_weight") == near(0, 0, 0.04, 0.01)
    assert column(case, "residual_limit")[2:] == ["max_residual_per_asset", None]
    assert case.summary["cash_weight"] == 0


def test_after_the_residual_is_spent_nothing_else_limits_anybody(size: Sizer) -> None:
    # z .45 is cut to .3, f = .7 / .55 = 1.2727.., but b1 stays at its bucket's .1: R = .6 - .45 f = .02727.., all to y.
    lines = [Line("z", "z", 0.45), Line("y", "y", 0.2), *SLICE[2:], Line("b1", "b", 0.1)]
    case = size(lines, slice_limits(residual_strategy="safe_top_slice", max_allocation_by_bucket={"b": 0.1}))
    assert column(case, "residual_weight") == near(0, 0.6 - 0.45 * 0.7 / 0.55, 0, 0, 0)
    assert column(case, "residual_limit") == ["position_cap", None, None, None, None]


def test_the_residual_is_limited_by_a_multiple_of_the_weight(size: Sizer) -> None:
    for strategy in ("safe_top_slice", "proportional"):
        case = size(SLICE, slice_limits(residual_strategy=strategy, max_residual_multiple=0.1))
        assert column(case, "residual_weight") == near(0, 0, 0.0182, 0.0168)
        assert column(case, "residual_limit")[2:] == ["max_residual_multiple"] * 2
        assert case.summary["cash_weight"] == Decimal("0.015")
        assert case.summary["residual_placed"] == pytest.approx(0.035, abs=BY_HAND)


# Section 7 -------------------------------------------------------------------------------------------------

# Ten equal assets. Bucket x is cut to .2, y grows to its own .45, z to .2667: .0833 are left, and z alone has room.
GROWING = {
    "sizing_mode": "equal_weight",
    "max_single_position": 1,
    "residual_strategy": "proportional",
    "enable_bucket_diversification": True,
    "max_allocation_per_bucket": 1,
    "max_allocation_by_bucket": {"x": 0.2, "y": 0.45},
}
TEN = [*free(*[0.9] * 4, bucket="x"), *free(*[0.9] * 4, bucket="y"), *free(*[0.9] * 2, bucket="z")]


@pytest.mark.parametrize(
    ("changes", "relaxation"),
    [
        # .0833 / .2667, and no limit but the multiple is in the way
        ({"max_residual_multiple": 0.25}, "max_residual_multiple 0.25 -> 0.3125"),
        # .0833 / 2, rounded up to four decimals
        (
            {"max_residual_multiple": None, "max_residual_per_asset": 0.03},
            "max_residual_per_asset 0.03 -> 0.0417",
        ),
        # c leaves each of z just the .041667 that it needs: the multiple must rise to what uses all of its room
        ({"max_residual_multiple": 0.25, "max_single_position": 0.175}, "max_residual_multiple 0.25 -> 0.3125"),
    ],
)
def test_a_growth_limit_in_the_way_is_named_with_the_least_value_that_would_do(
    changes: dict[str, Any], relaxation: str
) -> None:
    case = size_by_product(TEN, limits(**{**GROWING, "max_residual_per_asset": 0.05, **changes}))
    assert case.summary["relaxation"] == f"{relaxation} would place it all"
    assert case.summary["binding_limit"] is None


def test_a_wider_bucket_takes_back_what_the_minimum_dropped() -> None:
    # At B = .2 each bucket holds one position of .2. At .45 it holds two of .225, and .9 are placed; below, less.
    asked = limits(
        target_total_allocation=0.9,
        sizing_mode="equal_weight",
        max_single_position=0.36,
        min_position_size=0.2,
        enable_bucket_diversification=True,
        max_allocation_per_bucket=0.2,
    )
    case = size_by_product([*free(0.9, 0.9, bucket="x"), *free(0.9, 0.9, bucket="y")], asked)
    assert case.summary["n_dropped"] == 2
    assert case.summary["relaxation"] == "max_allocation_per_bucket 0.2 -> 0.45 would place it all"


def test_a_bucket_limit_below_one_position_is_named_with_what_would_do() -> None:
    # B < m: nothing can be held. At .5 each bucket holds its one position, and T = 1 is placed.
    asked = limits(min_position_size=0.2, enable_bucket_diversification=True, max_allocation_per_bucket=0.1)
    case = size_by_product([*free(0.9, bucket="x"), *free(0.9, bucket="y")], asked)
    assert case.summary["cash_weight"] == 1
    assert case.summary["relaxation"] == "max_allocation_per_bucket 0.1 -> 0.5 would place it all"


def test_a_multiple_may_have_to_rise_above_one() -> None:
    # Stage 1: x .4. Stage 2 spreads .6 over .16 and .04: y would be .48 and takes its .3, z is .12. Of the residual .18
    # z takes .06; only 1.5 times its .12 would place it all, since the limits of x and y are their own.
    asked = limits(
        sizing_mode="score_weighted",
        max_single_position=1.0,
        enable_bucket_diversification=True,
        max_allocation_per_bucket=1.0,
        max_allocation_by_bucket={"x": 0.4, "y": 0.3},
        max_residual_per_asset=1.0,
        max_residual_multiple=0.5,
    )
    lines = [Line(name, name, score, is_held=False) for name, score in (("x", 0.8), ("y", 0.16), ("z", 0.04))]
    case = size_by_product(lines, asked)
    assert case.summary["cash_weight"] == Decimal("0.12")
    assert case.summary["relaxation"] == "max_residual_multiple 0.5 -> 1.5 would place it all"
