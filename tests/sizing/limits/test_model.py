"""What `RebalancingLimits` refuses, and what it says about it (docs/sizing.md 1)."""

import re
from datetime import date

import polars as pl
import pytest
from pydantic import ValidationError

from sizing import RebalancingLimits, ScoreTier, size_portfolios
from sizing.errors import ContractError
from sizing.frames.limit_columns import limit_columns
from tests.sizing.days import a_day, limits, targets

WEIGHTS = (
    "target_total_allocation",
    "max_single_position",
    "min_position_size",
    "max_residual_per_asset",
    "max_allocation_per_bucket",
)
ABOVE_ZERO = ("target_total_allocation", "max_single_position", "max_allocation_per_bucket")
SHARES = (
    "incumbent_bias",
    "technical_score_weight",
    "fundamental_score_weight",
    "max_missing_score_share",
    "min_score_threshold",
    "min_score_new_position",
    "replacement_margin",
    "rebalance_band",
)
COUNTS = ("max_new_positions", "max_total_positions", "max_positions_per_bucket", "min_buckets_represented")

DOCUMENTED_DEFAULTS = {
    "target_total_allocation": 0.95,
    "enable_dynamic_sizing": True,
    "sizing_mode": "adaptive",
    "max_single_position": 0.15,
    "min_position_size": 0.02,
    "residual_strategy": "safe_top_slice",
    "max_residual_per_asset": 0.05,
    "max_residual_multiple": 0.5,
    "incumbent_bias": 0.02,
    "enable_bucket_diversification": False,
    "max_allocation_per_bucket": 0.40,
    "max_allocation_by_bucket": {},
    "model": "default",
    "technical_score_weight": 0.6,
    "fundamental_score_weight": 0.4,
    "max_score_age_days": 3,
    "max_missing_score_share": 0.2,
    "min_score_threshold": 0.60,
    "min_score_new_position": 0.65,
    "max_new_positions": 3,
    "max_total_positions": 10,
    "replacement_margin": None,
    "include_buckets": (),
    "include_assets": (),
    "exclude_buckets": (),
    "exclude_assets": (),
    "allow_unclassified": False,
    "max_positions_per_bucket": 4,
    "max_positions_by_bucket": {},
    "allow_bucket_overflow": False,
    "min_buckets_represented": 2,
    "rebalance_band": 0.05,
    "min_order_value": 0.0,
    "min_trade_weight": 0.0,
    "max_turnover": None,
    "mark_to_market": False,
    "grace_period_days": 0,
    "grace_decay_rate": 0.8,
    "min_decay_factor": 0.1,
    "grace_recovery_score": None,
    "min_holding_days": 0,
    "max_holding_days": None,
    "max_holding_action": "review",
    "reentry_cooldown_days": 0,
    "max_round_trips": None,
    "round_trip_window_days": 20,
    "reentry_score": None,
    "core_assets": {},
    "volatility_mode": "none",
    "volatility_source": "prices",
    "volatility_half_life_days": 40,
    "volatility_window_days": 252,
    "min_observations": 60,
    "volatility_strength": 1,
    "min_volatility_multiplier": 0.5,
    "max_volatility_multiplier": 2,
    "reference_volatility": None,
    "max_position_risk": None,
    "correlation_mode": "none",
    "correlation_half_life_days": 120,
    "correlation_strength": 0.5,
    "correlation_shrinkage": 0.2,
    "min_crowding": 0.5,
    "target_volatility": None,
    "max_plausible_return": 0.4,
    "max_missing_volatility_share": 0.2,
}
DOCUMENTED_TIERS = ((0.9, "max", 1.5), (0.8, "standard", 1.2), (0.7, "base", 1.0), (0.6, "light", 0.8))


def refusal(**changes: object) -> str:
    with pytest.raises(ValidationError) as error:
        limits(**changes)
    return str(error.value)


def test_the_defaults_are_those_of_the_page() -> None:
    tiers = tuple((tier.min_score, tier.size_category, tier.score_multiplier) for tier in limits().score_tiers)
    given = limits().model_dump(exclude={"score_tiers"})
    assert (given, tiers) == (DOCUMENTED_DEFAULTS, DOCUMENTED_TIERS)


def test_an_unknown_name_is_rejected_by_its_name() -> None:
    text = refusal(max_single_positon=0.1)
    assert "max_single_positon" in text
    assert "Extra inputs are not permitted" in text


def test_limits_cannot_be_changed_once_made() -> None:
    one = limits()
    with pytest.raises(ValidationError, match="frozen"):
        one.max_single_position = 0.5  # type: ignore[misc]
    assert one.max_single_position == 0.15


@pytest.mark.parametrize("name", [*WEIGHTS, *SHARES])
@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan"), float("inf")])
def test_a_fraction_outside_0_to_1_is_rejected(name: str, value: float) -> None:
    assert name in refusal(**{name: value})


@pytest.mark.parametrize("name", ABOVE_ZERO)
def test_a_limit_that_would_allow_nothing_at_all_is_rejected(name: str) -> None:
    assert "greater than 0" in refusal(**{name: 0}, min_position_size=0)


@pytest.mark.parametrize("name", ["max_residual_multiple", *COUNTS, "max_score_age_days"])
def test_a_negative_count_or_multiple_is_rejected(name: str) -> None:
    assert "greater than or equal to" in refusal(**{name: -1})


@pytest.mark.parametrize("name", COUNTS)
def test_a_count_is_a_whole_number(name: str) -> None:
    assert "integer" in refusal(**{name: 2.5})


@pytest.mark.parametrize("name", COUNTS)
def test_a_count_that_no_column_can_hold_is_rejected(name: str) -> None:
    assert name in refusal(**{name: 2**31})


@pytest.mark.parametrize("name", COUNTS)
def test_the_largest_count_that_fits_a_column_can_be_run(name: str) -> None:
    # max_total_positions x max_single_position and the like must not overflow
    day = a_day(limits(**{name: 2**31 - 1}), scores={"t1": 0.9}, held={"t1": 0.1})
    assert set(targets(day)) == {"t1", "CASH"}


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_weight_with_nine_decimals_is_rejected_with_the_number_to_write(name: str) -> None:
    text = refusal(**{name: 0.123456789})
    assert "has 9 decimals, at most 8 can be stored: round it to 0.12345679" in text


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_weight_with_eight_decimals_is_kept_as_it_came(name: str) -> None:
    assert getattr(limits(**{"min_position_size": 0, name: 0.12345678}), name) == 0.12345678


def test_a_tiny_weight_written_with_an_exponent_counts_its_decimals() -> None:
    assert limits(min_position_size=1e-8).min_position_size == 1e-8
    assert "has 9 decimals" in refusal(min_position_size=1e-9)


@pytest.mark.parametrize(("value", "words"), [(0, "greater than 0"), (1.5, "less than or equal to 1")])
def test_a_bucket_limit_of_its_own_has_the_bounds_of_all(value: float, words: str) -> None:
    text = refusal(max_allocation_by_bucket={"t": value})
    assert "max_allocation_by_bucket.t" in text
    assert words in text


def test_a_bucket_limit_of_its_own_has_at_most_eight_decimals() -> None:
    assert "has 9 decimals" in refusal(max_allocation_by_bucket={"t": 0.123456789})


@pytest.mark.parametrize("value", [0, 2**31, 1.5])
def test_a_number_of_positions_of_one_bucket_has_the_bounds_of_all(value: float) -> None:
    assert "max_positions_by_bucket.t" in refusal(max_positions_by_bucket={"t": value})


def test_a_minimum_above_the_cap_is_rejected_with_both_numbers() -> None:
    text = refusal(min_position_size=0.2, max_single_position=0.1)
    assert "min_position_size 0.2 is above max_single_position 0.1: no position could exist" in text


def test_a_minimum_equal_to_the_cap_is_accepted() -> None:
    assert limits(min_position_size=0.1, max_single_position=0.1).min_position_size == 0.1


@pytest.mark.parametrize("scores", [(0.6, 0.7), (0.7, 0.7), (0.9, 0.6, 0.7)])
def test_tiers_that_do_not_fall_are_rejected_with_their_scores(scores: tuple[float, ...]) -> None:
    text = refusal(score_tiers=[(score, "tier", 1) for score in scores])
    assert f"must fall strictly from tier to tier, got {list(scores)}" in text


def test_a_list_of_no_tiers_is_rejected() -> None:
    assert "at least 1 item" in refusal(score_tiers=[])


@pytest.mark.parametrize("tier", [(1.1, "a", 1), (-0.1, "a", 1), (0.5, "", 1), (0.5, "a", -1), (0.5, "a", 101)])
def test_a_tier_out_of_bounds_is_rejected(tier: tuple[float, str, float]) -> None:
    assert "score_tiers.0" in refusal(score_tiers=[tier])


@pytest.mark.parametrize("name", ["pinned", "disabled"])
def test_a_tier_may_not_have_a_name_that_says_something_else_in_the_audit(name: str) -> None:
    assert f"{name} is what the sizer calls" in refusal(score_tiers=[(0.5, name, 1)])


def test_a_tier_may_be_written_with_or_without_its_names() -> None:
    named = {"min_score": 0.5, "size_category": "half", "score_multiplier": 2}
    assert limits(score_tiers=[named]).score_tiers == limits(score_tiers=[(0.5, "half", 2)]).score_tiers
    assert limits(score_tiers=[named]).score_tiers == (
        ScoreTier(min_score=0.5, size_category="half", score_multiplier=2),
    )


def test_score_weights_that_are_both_0_are_rejected() -> None:
    text = refusal(technical_score_weight=0, fundamental_score_weight=0)
    assert "technical_score_weight and fundamental_score_weight are both 0" in text


@pytest.mark.parametrize("name", ["technical_score_weight", "fundamental_score_weight"])
def test_one_score_weight_may_be_0(name: str) -> None:
    assert getattr(limits(**{name: 0}), name) == 0


def test_a_mode_that_does_not_exist_is_rejected_with_those_that_do() -> None:
    assert "'adaptive', 'equal_weight' or 'score_weighted'" in refusal(sizing_mode="equal")


def test_a_portfolio_without_limits_is_named() -> None:
    with pytest.raises(ContractError) as error:
        limit_columns({"A": RebalancingLimits()}, pl.Series(["A", "B"]))
    assert str(error.value).startswith("no limits for 1 of 2 portfolios: B; limits are given for 1: A")


def test_of_many_portfolios_without_limits_ten_are_named_and_ten_that_have_some() -> None:
    with pytest.raises(ContractError) as error:
        limit_columns({f"A{n:02}": RebalancingLimits() for n in range(12)}, pl.Series([f"B{n:02}" for n in range(12)]))
    named = re.findall(r"\b[AB]\d\d\b", str(error.value))
    assert named == [*(f"B{n:02}" for n in range(10)), *(f"A{n:02}" for n in range(10))]
    assert str(error.value).count("2 more") == 2


def test_without_dynamic_sizing_no_cap_counts_and_each_name_may_reach_the_whole() -> None:
    selected = pl.DataFrame(
        {"portfolio_id": ["core"] * 2, "asset": ["A", "B"], "bucket": ["x"] * 2, "score": [0.9, 0.1]}
    )
    sized = size_portfolios(selected.with_columns(is_held=False), limits(enable_dynamic_sizing=False))
    assert sized.portfolios["reachable_weight"].to_list() == [2]


def test_float_noise_in_a_weight_is_no_ninth_decimal() -> None:
    assert limits(max_single_position=0.1 + 0.02).max_single_position == 0.12


BOUNDS = {
    **dict.fromkeys(SHARES, ((0.0, 1.0), (-1e-8, 1.00000001))),
    **dict.fromkeys(COUNTS[:1] + COUNTS[3:], ((0,), (-1,))),
    **dict.fromkeys(COUNTS[1:3], ((1,), (0,))),
    "model": (("x",), ("",)),
    "max_score_age_days": ((0, 365), (-1, 366)),
    "max_residual_multiple": ((0.0, 1000.0, None), (-1e-8,)),
    "target_total_allocation": ((1e-8, 1.0), (0.0, 1.00000001)),
    "max_single_position": ((0.02, 1.0), (0.0, 1.00000001)),
    "max_allocation_per_bucket": ((1e-8, 1.0), (0.0, 1.00000001)),
    "min_position_size": ((0.0, 0.15), (-1e-8, 0.15000001)),
    "max_residual_per_asset": ((0.0, 1.0), (-1e-8, 1.00000001)),
    "min_trade_weight": ((0.0, 1.0), (-1e-8, 1.00000001)),
    "max_turnover": ((1e-8, 1.0, None), (0.0, 1.00000001)),
    "min_order_value": ((0.0, 1e15), (-0.01, 1.1e15)),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_a_limit_is_accepted_up_to_its_bounds_and_rejected_beyond(name: str) -> None:
    accepted, refused = BOUNDS[name]
    for value in accepted:
        assert getattr(RebalancingLimits(**{name: value}), name) == value
    for value in refused:
        with pytest.raises(ValidationError, match=name):
            RebalancingLimits(**{name: value})


@pytest.mark.parametrize("name", [name for name in BOUNDS if name not in {*COUNTS, "model", "max_score_age_days"}])
@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_a_limit_that_is_no_finite_number_is_rejected(name: str, value: float) -> None:
    with pytest.raises(ValidationError, match=name):
        RebalancingLimits(**{name: value})


@pytest.mark.parametrize("tier", [(0.5, "x"), (0.5, "x", 1.0, "more"), (0.5, "", 1.0)])
def test_a_tier_of_other_parts_or_without_a_name_is_rejected(tier: tuple[object, ...]) -> None:
    with pytest.raises(ValidationError):
        RebalancingLimits(score_tiers=(tier,))


def test_a_tier_with_a_name_of_one_letter_is_one_and_cannot_be_changed() -> None:
    [tier] = RebalancingLimits(score_tiers=((0.5, "x", 1.0),)).score_tiers
    with pytest.raises(ValidationError, match="frozen"):
        tier.score_multiplier = 2.0


def test_score_weights_that_are_equal_are_no_contradiction() -> None:
    equal = {"technical_score_weight": 0.5, "fundamental_score_weight": 0.5}
    assert RebalancingLimits(**equal).technical_score_weight == 0.5


@pytest.mark.parametrize("value", [["AAPL"], "AAPL", {"AAPL": date(2025, 12, 31)}, None])
def test_core_assets_of_another_form_are_rejected_with_an_example(value: object) -> None:
    with pytest.raises(ValidationError, match=r"\{AAPL: \{until: 2025-12-31, reason: in our index\}\}"):
        RebalancingLimits.model_validate({"core_assets": value})


@pytest.mark.parametrize(
    "given",
    [{"max_single_position": True}, {"max_total_positions": True}, {"max_positions_by_bucket": {"x": True}}],
)
def test_true_is_no_number(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as refused:
        RebalancingLimits(**given)
    assert [error["type"] for error in refused.value.errors()] == ["true_or_false"]
