"""The least cap that would place it all, worked by hand."""

from collections.abc import Sequence

import polars as pl
import pytest

from sizing import RebalancingLimits, size_portfolios

LIMITS = {
    "target_total_allocation": 0.9,
    "max_single_position": 0.3,
    "enable_bucket_diversification": True,
    "max_allocation_per_bucket": 0.3,
}


def _summary(free: str, pinned: Sequence[tuple[str, float]], **limits: object) -> dict[str, object]:
    """Size one free name a letter, of the bucket of that letter, and pinned ones; give what is told of them."""
    buckets, weights = [*free, *(bucket for bucket, _ in pinned)], [weight for _, weight in pinned]
    selected = pl.DataFrame(
        {"bucket": buckets, "pinned_weight": [None] * len(free) + weights},
        schema_overrides={"pinned_weight": pl.Float64},
    ).with_columns(
        pl.lit("core").alias("portfolio_id"),
        pl.int_range(pl.len()).cast(pl.String).alias("asset"),
        pl.lit(0.95).alias("score"),
        is_held=pl.col("pinned_weight").is_not_null(),
    )
    return size_portfolios(selected, RebalancingLimits(**LIMITS | limits)).portfolios.row(0, named=True)


def _relaxation(free: str, pinned: dict[str, float], **limits: object) -> object:
    return _summary(free, [*pinned.items()], **limits)["relaxation"]


def test_a_bucket_in_which_all_is_pinned_brings_its_weight_too() -> None:
    # 2 B + 0.1 = 0.9
    assert _relaxation("xxxxxyyyyy", {"z": 0.1}) == "max_allocation_per_bucket 0.3 -> 0.4 would place it all"


def test_what_is_pinned_beside_free_names_raises_what_its_bucket_can_hold() -> None:
    # y holds one name of at most 0.3 and the pinned 0.1: B + 0.4 = 0.9
    assert _relaxation("xxxxxy", {"y": 0.1}) == "max_allocation_per_bucket 0.3 -> 0.5 would place it all"


@pytest.mark.parametrize("own", [0.1, 0.15])
def test_a_bucket_with_a_limit_of_its_own_keeps_it(own: float) -> None:
    told = _relaxation("xxxxxyyyyywwwww", {}, max_allocation_by_bucket={"w": own})
    assert told == f"max_allocation_per_bucket 0.3 -> {(0.9 - own) / 2:.4g} would place it all"


def test_all_of_it_pinned_cannot_be_relaxed() -> None:
    assert _relaxation("", {"x": 0.1, "y": 0.2}) is None


FLAT = {"enable_bucket_diversification": False, "target_total_allocation": 0.95, "max_single_position": 0.15}
WIDE = {"target_total_allocation": 0.95, "max_allocation_per_bucket": 0.4}


def test_a_cap_that_rises_lets_what_is_pinned_rise_too() -> None:
    # 2 c + 0.3 = 0.95; 0.4 would do for the weight that the old cap leaves of what is pinned
    assert _relaxation("xx", {"x": 0.3}, **FLAT) == "max_single_position 0.15 -> 0.325 would place it all"


def test_a_bucket_limit_that_rises_lets_what_is_pinned_rise_too() -> None:
    # x is pinned at 0.45, cut to 0.4, and y holds at most B: 0.45 + B = 0.95
    told = _summary("yyyy", [("x", 0.15)] * 3, **WIDE, max_single_position=0.2)
    assert told["relaxation"] == "max_allocation_per_bucket 0.4 -> 0.5 would place it all"


def test_where_all_is_pinned_and_cut_a_cap_is_what_may_rise() -> None:
    # 2 c = 0.95
    told = _summary("", [("x", 0.5)] * 2, **FLAT)
    assert told["relaxation"] == "max_single_position 0.15 -> 0.475 would place it all"
    assert told["binding_limit"] == "max_single_position"


def test_a_bucket_that_cuts_what_is_pinned_is_what_binds() -> None:
    told = _summary("", [("x", 0.15)] * 4 + [("y", 0.15)] * 3, **WIDE, max_single_position=0.15)
    assert (told["reachable_weight"], told["binding_limit"]) == (pytest.approx(0.8), "max_allocation_per_bucket")


def test_where_nothing_is_free_and_nothing_is_cut_no_limit_binds() -> None:
    told = _summary("", [("x", 0.1)] * 2, **FLAT)
    assert (told["binding_limit"], told["relaxation"]) == ("no_position", None)


def test_a_cap_that_is_no_exact_number_of_steps_rises_all_the_same() -> None:
    # As floats, 0.2941 is less than 2941 steps of 1e-4. Under 0.303 stage 2 leaves 0.85 - 2 x 0.303 - 0.2431 = 0.0009,
    # which the last name may take; under 0.3029 it would leave 0.00104.
    selected = pl.DataFrame(
        {"portfolio_id": ["core"] * 3, "asset": list("abc"), "bucket": list("xyz"), "score": [0.95, 0.7, 0.65]}
    ).with_columns(is_held=False)
    limits = RebalancingLimits(
        target_total_allocation=0.85,
        max_single_position=0.2941,
        residual_strategy="proportional",
        max_residual_per_asset=0.001,
        enable_bucket_diversification=False,
    )
    told = size_portfolios(selected, limits).portfolios["relaxation"].item()
    assert told == "max_single_position 0.2941 -> 0.303 would place it all"


def test_what_may_not_be_traded_is_reached_though_it_is_above_the_limit_of_its_bucket() -> None:
    selected = pl.DataFrame(
        {"asset": ["a", "b"], "bucket": ["x", "y"], "pinned_weight": [0.5, None], "is_immovable": [True, False]}
    ).with_columns(portfolio_id=pl.lit("core"), score=pl.lit(0.95), is_held=pl.lit(value=True))
    told = size_portfolios(selected, RebalancingLimits(**LIMITS)).portfolios.row(0, named=True)
    assert (told["reachable_weight"], float(told["invested_weight"])) == (pytest.approx(0.8), 0.8)
    assert told["binding_limit"] == "max_single_position"


def _risk_summary(volatilities: Sequence[float], **limits: object) -> dict[str, object]:
    """Size a free name for each volatility, with no other cap than that of its risk; give what is told of them."""
    names = [f"{number}" for number in range(len(volatilities))]
    selected = pl.DataFrame({"asset": names, "bucket": names, "volatility": volatilities}).with_columns(
        portfolio_id=pl.lit("core"), score=pl.lit(0.95), is_held=pl.lit(value=False)
    )
    own = {"max_single_position": 1.0, "enable_bucket_diversification": False, "residual_strategy": "proportional"}
    return size_portfolios(selected, RebalancingLimits(**LIMITS | own | limits)).portfolios.row(0, named=True)


def test_the_risk_of_a_position_rises_until_the_caps_hold_it_all() -> None:
    # 2 x / 0.5 = 0.9
    told = _risk_summary([0.5, 0.5], max_position_risk=0.2)
    assert told["relaxation"] == "max_position_risk 0.2 -> 0.225 would place it all"


def test_a_risk_that_rises_takes_back_what_was_dropped_for_it() -> None:
    # Under 0.08 the second name may have 0.04, less than the minimum. With it, x / 0.5 + x / 2 = 0.5.
    told = _risk_summary([0.5, 2.0], max_position_risk=0.08, min_position_size=0.05, target_total_allocation=0.5)
    assert told["relaxation"] == "max_position_risk 0.08 -> 0.2 would place it all"
    assert (told["reachable_weight"], told["binding_limit"]) == (pytest.approx(0.16), "max_position_risk")


def test_what_is_pinned_is_reached_whatever_risk_a_free_name_may_have() -> None:
    # The free name may have 0.08 / 0.5 = 0.16 beside the pinned 0.45; without that limit all of it.
    selected = pl.DataFrame(
        {"asset": ["a", "b"], "bucket": ["x", "y"], "volatility": [0.5, 0.1], "pinned_weight": [None, 0.45]}
    ).with_columns(portfolio_id=pl.lit("core"), score=pl.lit(0.95), is_held=pl.col("pinned_weight").is_not_null())
    own = {"max_single_position": 1.0, "enable_bucket_diversification": False, "max_position_risk": 0.08}
    told = size_portfolios(selected, RebalancingLimits(**LIMITS | own)).portfolios.row(0, named=True)
    assert (told["reachable_weight"], told["binding_limit"]) == (pytest.approx(0.61), "max_position_risk")


def test_a_value_that_is_one_step_too_high_is_found_out() -> None:
    # 2 c + 0.1502 = 0.95; with what the old cap leaves of the pinned weight it would be 0.4
    assert _relaxation("xx", {"x": 0.1502}, **FLAT) == "max_single_position 0.15 -> 0.3999 would place it all"
