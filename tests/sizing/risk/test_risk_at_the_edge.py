"""Risk where it meets other rules: locked names, no_buy, noise of floats, too little known, volatilities given."""

from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from sizing import RebalancingLimits
from sizing.checks.volatility_coverage import find_missing_volatility
from sizing.frames.day_inputs import DayInputs
from sizing.pipeline import rebalance
from tasks.inputs.warnings.volatility_coverage import describe_missing_volatilities
from tests.sizing.days import AS_OF, Ban, Score, a_day, decisions
from tests.sizing.risk.days import FREE, VOLATILITIES, audit, made_of, risk_day, summary, weights_of, with_frames

CORE = {"core_assets": {"c": {"until": "2027-01-01", "reason": "wanted"}}}


def held_back(day: DayInputs) -> tuple[str, ...]:
    result = rebalance(day)
    return find_missing_volatility(result, day)


@pytest.mark.parametrize(("current", "target"), [("0.2", 0.01), ("0.004", 0.004)])
def test_a_locked_name_is_cut_to_its_risk_cap_where_that_is_below_the_minimum(current: str, target: float) -> None:
    # .005 / .5 = .01, below m .05: a free name is dropped
    limits = {**FREE, **CORE, "min_position_size": 0.05, "max_position_risk": 0.005, "max_single_position": 0.5}
    day = risk_day(RebalancingLimits(**limits), made_of({"c": 0.5, "t": 0.5}), held={"c": current})
    assert audit(rebalance(day))["t"]["drop_reason"] == "max_position_risk"
    assert weights_of(rebalance(day))["c"] == target


def test_a_locked_name_keeps_its_place_where_the_scale_closes_every_free_one() -> None:
    limits = {**FREE, **CORE, "target_volatility": 0.1, "target_total_allocation": 1, "max_single_position": 0.5}
    series = made_of({"c": 0.3, "p": 0.4, "t": 0.2})
    day = risk_day(RebalancingLimits(**limits), series, held={"c": "0.1", "p": "0.4"}, scores={"c": 0.8, "t": 0.8})
    assert weights_of(rebalance(day)) == {"c": 0.1, "p": 0.4, "CASH": 0.5}
    assert audit(rebalance(day))["t"]["drop_reason"] == "target_volatility"


def test_no_buy_compares_after_the_scale() -> None:
    # .475 each before k, .05 / (.2 x 2^.5) each after it: less than the .3 that is held
    limits = RebalancingLimits(**{**FREE, "max_single_position": 0.5}, target_volatility=0.05)
    series, ban = made_of({"n": 0.2, "t": 0.2}), [Ban("n", "no_buy")]
    weights = weights_of(rebalance(risk_day(limits, series, held={"n": "0.3"}, bans=ban)))
    assert weights["n"] == weights["t"] == pytest.approx(0.05 / (0.2 * 2**0.5), abs=1.01e-8)
    assert weights_of(rebalance(risk_day(limits, series, held={"n": "0.1"}, bans=ban)))["n"] == 0.1


def test_no_buy_keeps_the_reference_of_the_first_sizing() -> None:
    limits = RebalancingLimits(**{**FREE, "max_single_position": 0.9}, volatility_mode="inverse")
    series, ban = made_of({"n": 0.2, "s": 0.4, "t": 0.4}), [Ban("n", "no_buy")]
    day = risk_day(limits, series, held={"n": "0.01"}, bans=ban)
    result = rebalance(day)
    assert weights_of(result)["n"] == 0.01
    assert summary(result)["reference_volatility"] == pytest.approx(0.4)
    cheap = rebalance(risk_day(limits, made_of({"n": 0.2, "s": 0.8, "t": 0.4, "u": 0.1}), held={"n": "0.01"}, bans=ban))
    assert summary(cheap)["reference_volatility"] == pytest.approx(0.3)  # of .1 .2 .4 .8; .4 without n


def test_a_weight_that_is_float_noise_is_no_position() -> None:
    """0.8 - 0.1 - 0.7 is 1.1e-16: a name with so little must not decide which sessions are complete."""
    moved = made_of({"a": 0.2, "b": 0.2, "d": 0.2})
    series = {
        "a": moved["a"],
        "b": tuple(None if age < 4 else one for age, one in enumerate(moved["b"][:65])),
        "d": moved["d"][:62],
    }
    limits = RebalancingLimits(
        **{**FREE, "max_single_position": 0.7}, target_volatility=0.3, target_total_allocation=0.8
    )
    day = risk_day(limits, series, held={"a": "0.1", "b": "0.7"}, scores={"d": 0.8})
    row = summary(rebalance(day))
    assert (row["n_sessions"], held_back(day)) == (61, ())
    assert row["unscaled_volatility"] == pytest.approx(row["portfolio_volatility"], abs=1e-12)


def test_too_few_complete_sessions_hold_the_day() -> None:
    moved = made_of({"a": 0.2, "b": 0.2})
    series = {"a": moved["a"][:61], "b": tuple(None if age < 3 else one for age, one in enumerate(moved["b"]))}
    limits = RebalancingLimits(**FREE, target_volatility=0.3)
    assert len(held_back(risk_day(limits, series))) == 1  # 58 complete sessions
    assert held_back(risk_day(limits.model_copy(update={"min_observations": 58}), series)) == ()
    assert held_back(risk_day(RebalancingLimits(**FREE, volatility_mode="inverse"), series)) == ()


@pytest.mark.parametrize(("share", "is_held"), [(0.19, True), (0.2, False), (1, False)])
def test_a_day_is_held_when_more_than_the_share_is_missing(share: float, is_held: bool) -> None:  # noqa: FBT001 - a case
    moved = made_of(dict.fromkeys("abcd", 0.2))
    limits = RebalancingLimits(**FREE, volatility_mode="inverse", max_missing_volatility_share=share)
    day = risk_day(limits, {**moved, "e": ()}, held={"a": "0.1", "e": "0.1"})
    assert bool(held_back(day)) is is_held


def test_a_holding_without_score_and_volatility_is_missing_both() -> None:
    limits = RebalancingLimits(**FREE, volatility_mode="inverse", max_missing_volatility_share=0.1)
    moved = made_of(dict.fromkeys("abcd", 0.2))
    day = risk_day(limits, {**moved, "e": ()}, held={"e": "0.1"}, scores=dict.fromkeys("abcd", 0.8))
    assert len(held_back(day)) == 1  # 1 of 5


def test_what_is_pinned_alone_may_be_above_the_target_and_the_check_says_why() -> None:
    limits = RebalancingLimits(**{**FREE, "max_single_position": 0.5}, target_volatility=0.05)
    ban = [Ban("a", "no_trade")]
    result = rebalance(risk_day(limits, made_of({"a": 0.4}), held={"a": "0.4"}, bans=ban))
    [check] = result.constraint_checks.filter(pl.col("constraint_name") == "target_volatility").to_dicts()
    assert (check["value"], check["is_ok"]) == (pytest.approx(0.16), True)
    assert check["reason"] is not None


@pytest.mark.parametrize(("target", "is_binding"), [(0.05, True), (0.9, False)])
def test_a_target_volatility_binds_where_it_scales_down(target: float, is_binding: bool) -> None:  # noqa: FBT001
    limits = RebalancingLimits(**{**FREE, "max_single_position": 0.5}, target_volatility=target)
    result = rebalance(risk_day(limits, made_of({"a": 0.4, "b": 0.3})))
    [check] = result.constraint_checks.filter(pl.col("constraint_name") == "target_volatility").to_dicts()
    assert (check["is_ok"], check["is_binding"], check["reason"]) == (True, is_binding, None)


def given_day(volatilities: dict[str, float | None], ages: dict[str, int] | None = None, **limits: Any) -> DayInputs:  # noqa: ANN401
    scores = [Score(name, 0.8, age=(ages or {}).get(name, 0)) for name in volatilities]
    plain = a_day(
        RebalancingLimits(**{**FREE, "max_single_position": 0.5}, volatility_source="scores", **limits), scores=scores
    )
    rows = [
        ("default", name, AS_OF - timedelta(days=(ages or {}).get(name, 0)), one)
        for name, one in volatilities.items()
        if one is not None
    ]
    return with_frames(plain, volatilities=pl.DataFrame(rows, schema=VOLATILITIES, orient="row"))


def test_volatilities_that_come_with_scores() -> None:
    day = given_day({"a": 0.1, "b": 0.2, "c": 0.4, "d": 0.8}, volatility_mode="inverse")
    weights = weights_of(rebalance(day))
    assert [weights[name] for name in "abcd"] == [0.4, 0.3, 0.15, 0.1]
    rows = audit(rebalance(day))
    assert {row["n_returns"] for row in rows.values()} == {None}


@pytest.mark.parametrize(
    ("volatility", "reason"), [(None, "no_returns"), (0.0, "flat_prices"), (20.0, "implausible"), (5.1, "implausible")]
)
def test_a_score_without_volatility_opens_nothing_and_a_percentage_is_none(
    volatility: float | None, reason: str
) -> None:
    day = given_day({"a": volatility, "b": 0.2, "c": 5.0}, volatility_mode="inverse")
    assert {name: row["gate"] for name, row in decisions(day).items()} == {"a": "no_volatility", "b": None, "c": None}
    [row] = rebalance(day).risk_estimates.filter(asset="a").to_dicts()
    assert (row["volatility"], row["missing_reason"]) == (None, reason)
    [told] = describe_missing_volatilities(day.frames, None)
    assert "a" in told


def test_a_day_on_which_volatilities_came_in_percent_is_held_and_closes_nothing() -> None:
    day = given_day(dict.fromkeys("abcd", 20.0), max_position_risk=0.02)
    assert find_missing_volatility(rebalance(day), day)


@pytest.mark.parametrize(
    "limits",
    [
        {"volatility_source": "scores", "target_volatility": 0.1},
        {"volatility_source": "scores", "correlation_mode": "crowding"},
        {"enable_dynamic_sizing": False, "volatility_mode": "inverse"},
        {"enable_dynamic_sizing": False, "max_position_risk": 0.1},
        {"enable_dynamic_sizing": False, "target_volatility": 0.1},
        {"enable_dynamic_sizing": False, "correlation_mode": "crowding"},
        {"min_observations": 30, "volatility_window_days": 29},
        {"min_volatility_multiplier": 1.1},
        {"max_volatility_multiplier": 0.9},
        {"min_crowding": 0.05},
        {"target_volatility": 1.1},
        {"target_volatility": 0},
        {"max_position_risk": 0},
        {"volatility_half_life_days": 4},
    ],
)
def test_limits_that_contradict_each_other_or_their_bounds(limits: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RebalancingLimits(**limits)
