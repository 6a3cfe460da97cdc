"""Pinned positions and stored units, docs/sizing.md 4 and 5, with every number worked out by hand."""

from decimal import Decimal

import pytest

from sizing import RebalancingLimits, size_portfolios
from tests.golden.conftest import Sizer, size_by_product
from tests.golden.test_rules_by_hand import decimals, limits
from tests.golden.test_worked_examples import column, free, near
from tests.sizing.cases import to_frame
from tests.sizing.reference.portfolio import Line


def test_pinned_positions_keep_the_limits_and_leave_less_for_the_others(size: Sizer) -> None:
    # p = min(.35, .3) and .2 are .5 together, bucket x takes .4: .24 and .16. Nothing is left for x3.
    # The others have T = .9 - .4 = .5; bucket y takes .4 of it, .1333.. each; .1 is cash.
    asked = limits(
        target_total_allocation=0.9,
        max_single_position=0.3,
        min_position_size=0.02,
        enable_bucket_diversification=True,
        max_allocation_per_bucket=0.4,
    )
    lines = [
        Line("x1", "x", None, is_held=True, pinned_weight=0.35),
        Line("x2", "x", 0.1, is_held=True, pinned_weight=0.2),
        *[Line("x3", "x", 0.95), *free(0.8, 0.7, 0.6, bucket="y")],
    ]
    case = size(lines, asked)
    assert [row["asset"] for row in case.rows] == ["x3", "y1", "y2", "y3", "x2", "x1"]
    assert column(case, "score_rank") == [1, 2, 3, 4, 5, 6]
    assert column(case, "drop_reason") == ["below_min_position_size", None, None, None, None, None]
    assert column(case, "raw_weight") == near(0, 0.5 / 3, 0.5 / 3, 0.5 / 3, 0.16, 0.24)
    assert column(case, "stage1_weight") == near(0, 0.4 / 3, 0.4 / 3, 0.4 / 3, 0.16, 0.24)
    assert column(case, "stage1_cap") == [None, "bucket", "bucket", "bucket", None, None]
    assert column(case, "stage2_weight") == near(0, 0.4 / 3, 0.4 / 3, 0.4 / 3, 0.16, 0.24)
    assert column(case, "size_category") == ["equal_weight"] * 4 + ["pinned"] * 2
    assert column(case, "score_multiplier")[4:] == [0, 0]
    assert column(case, "target_weight") == decimals("0", "0.13333334", "0.13333333", "0.13333333", "0.16", "0.24")
    assert case.summary["cash_weight"] == Decimal("0.1")
    assert case.summary["n_sized"] == 5


def test_pinned_positions_above_the_target_are_scaled_to_it(size: Sizer) -> None:
    # .3 + .3 + .15 = .75 is scaled by 2/3 to .5
    pins = zip("abc", (0.3, 0.4, 0.15), strict=True)
    lines = [Line(name, "x", None, is_held=True, pinned_weight=pin) for name, pin in pins]
    asked = limits(target_total_allocation=0.5, max_single_position=0.3, min_position_size=0.02)
    case = size([*lines, Line("free", "x", 1.0)], asked)
    assert case.weights() == dict(zip(("a", "b", "c", "free"), decimals("0.2", "0.2", "0.1", "0"), strict=True))
    assert case.row("free")["drop_reason"] == "below_min_position_size"


def test_a_pinned_position_knows_no_minimum_and_takes_no_residual(size: Sizer) -> None:
    # .95 - .005 = .945 would be one position; c = .5 stops it and nothing goes to the pinned one.
    lines = [Line("pin", "x", 0.99, is_held=True, pinned_weight=0.005), Line("free", "x", 0.6)]
    asked = limits(target_total_allocation=0.95, max_single_position=0.5, min_position_size=0.02)
    case = size(lines, asked)
    assert case.weights() == {"pin": Decimal("0.005"), "free": Decimal("0.5")}
    assert case.summary["cash_weight"] == Decimal("0.445")
    assert case.row("pin")["residual_weight"] == 0


def test_without_a_minimum_a_target_that_is_all_pinned_leaves_nothing(size: Sizer) -> None:
    # T - p = 0, so lambda = 0; no rule drops the free asset, it is a position of nothing
    lines = [Line("pin", "x", None, pinned_weight=1.0), Line("free", "x", 0.6)]
    case = size(lines, limits(target_total_allocation=0.5, max_single_position=0.5))
    assert case.weights() == {"pin": Decimal("0.5"), "free": Decimal(0)}
    assert case.row("free")["drop_reason"] is None
    assert case.summary["cash_weight"] == 0


@pytest.mark.parametrize("strategy", ["safe_top_slice", "proportional", "cash_bucket"])
def test_without_a_minimum_a_bucket_that_is_all_pinned_leaves_nothing(size: Sizer, strategy: str) -> None:
    # B - p = 0, so theta = 0: stage 1 and 2 leave 0, R = T - p = .2 finds no room in the bucket
    asked = limits(
        target_total_allocation=0.4,
        max_single_position=0.2,
        residual_strategy=strategy,
        max_residual_per_asset=1,
        max_residual_multiple=None,
        enable_bucket_diversification=True,
        max_allocation_per_bucket=0.2,
    )
    case = size([Line("pin", "x", None, pinned_weight=0.3), Line("free", "x", 0.6)], asked)
    assert case.weights() == {"pin": Decimal("0.2"), "free": Decimal(0)}
    assert case.row("free")["stage1_cap"] == "bucket"
    assert case.row("free")["residual_limit"] == (None if strategy == "cash_bucket" else "bucket_cap")
    assert case.summary["cash_weight"] == Decimal("0.2")


def test_a_pin_of_nothing_is_a_position_of_nothing(size: Sizer) -> None:
    case = size([Line("pin", "x", None, pinned_weight=0.0), Line("free", "x", 0.6)], limits())
    assert case.weights() == {"pin": Decimal(0), "free": Decimal(1)}
    assert case.summary["n_sized"] == 2


def test_disabled_sizing_keeps_what_is_pinned_and_shares_the_rest(size: Sizer) -> None:
    asked = RebalancingLimits(enable_dynamic_sizing=False, target_total_allocation=0.9)
    case = size([Line("pin", "x", None, pinned_weight=0.3), *free(0.1, 0.2)], asked)
    assert case.weights() == {"pin": Decimal("0.3"), "all1": Decimal("0.3"), "all2": Decimal("0.3")}


def test_disabled_sizing_scales_what_is_pinned_to_the_target(size: Sizer) -> None:
    lines = [Line("a", "x", None, pinned_weight=0.6), Line("b", "x", None, pinned_weight=0.4), *free(0.5)]
    asked = RebalancingLimits(enable_dynamic_sizing=False, target_total_allocation=0.5)
    assert size(lines, asked).weights() == {
        "a": Decimal("0.3"),
        "b": Decimal("0.2"),
        "all1": Decimal(0),
    }


def test_the_unit_left_over_by_equal_remainders_goes_to_the_best_rank(size: Sizer) -> None:
    # 3 x 33333333.33 units leave one; the second score in the frame is the best
    case = size([Line("a", "x", 0.6), Line("b", "x", 0.9), Line("c", "x", 0.7)], limits())
    assert case.weights() == dict(zip("abc", decimals("0.33333333", "0.33333334", "0.33333333"), strict=True))


def test_units_left_over_go_to_the_largest_remainders(size: Sizer) -> None:
    # In sevenths: 3/7 = 42857142.857, 2/7 = 28571428.571 twice: two units left, to .857 and to the first .571
    case = size(free(0.6, 0.4, 0.4), limits(sizing_mode="score_weighted"))
    assert column(case, "target_weight") == decimals("0.42857143", "0.28571429", "0.28571428")


def test_a_unit_that_fits_nowhere_is_cash(size: Sizer) -> None:
    case = size(free(0.9, 0.8, 0.7), limits(max_single_position=0.33333333))
    assert column(case, "target_weight") == decimals("0.33333333", "0.33333333", "0.33333333")
    assert case.summary["cash_weight"] == Decimal("0.00000001")


def test_a_weight_at_the_minimum_stays_there(size: Sizer) -> None:
    case = size(free(0.9, 0.8, 0.7), limits(target_total_allocation=0.06, min_position_size=0.02))
    assert column(case, "target_weight") == decimals("0.02", "0.02", "0.02")


def test_leftover_units_keep_the_bucket_limits(size: Sizer) -> None:
    # x: .1 / 3 each, one unit left inside .1; y has .9 / 2.
    asked = limits(
        enable_bucket_diversification=True,
        max_allocation_per_bucket=1,
        max_allocation_by_bucket={"x": 0.1},
    )
    case = size([*free(0.9, 0.8, 0.7, bucket="x"), *free(0.6, 0.5, bucket="y")], asked)
    assert column(case, "target_weight") == decimals("0.03333334", "0.03333333", "0.03333333", "0.45", "0.45")


def test_snapping_does_not_make_many_positions_exceed_the_target() -> None:
    # Of the product alone: the reference snaps by 1e-4 always, as the page says, and exceeds T by a unit here.
    # 12,000 x 8,000 units are one more than T has. Each is 7,999.99991.. units: within 1e-4 of 8,000, and yet not it.
    names = [f"A{number:05}" for number in range(12_000)]
    case = size_by_product([Line(name, "x", 0.9) for name in names], limits(target_total_allocation=0.95999999))
    assert column(case, "target_weight") == decimals(*["0.00008"] * 11_999, "0.00007999")
    assert case.summary["invested_weight"] == Decimal("0.95999999")
    assert case.summary["cash_weight"] == 0


def test_twenty_thousand_equal_positions_in_ten_buckets_do_not_exceed_their_total_by_snapping() -> None:
    """0.79999999 over 20,000 is 3999.99995 units each: taken for 4000, they would be 0.8 together."""
    lines = [Line(f"{number:05}", f"bucket{number % 10}", 0.9, is_held=False) for number in range(20_000)]
    asked = RebalancingLimits(
        target_total_allocation=0.79999999, min_position_size=0.0, enable_bucket_diversification=True
    )
    sized = size_portfolios(to_frame({"one": lines}), asked)
    assert sized.portfolios["invested_weight"].to_list() == [Decimal("0.79999999")]
    assert sized.positions["target_weight"].value_counts().sort("target_weight").rows() == [
        (Decimal("0.00003999"), 1),
        (Decimal("0.00004000"), 19_999),
    ]
