"""Where the rules of the lifecycle meet dust, a lost place, and a portfolio without room."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from sizing import RebalancingLimits
from sizing.frames.holding_states import count_days
from sizing.pipeline import Rebalance, rebalance
from tests.sizing.days import AS_OF, a_day, by_asset, limits
from tests.sizing.lifecycle.states import SESSIONS, State, gone, on, state_frame

DAY = 20
CORE = {"core_assets": {"a": {"until": AS_OF.replace(year=AS_OF.year + 1), "reason": "wanted"}}}
GRACE = {"grace_period_days": 5}


def run(
    of: RebalancingLimits, scores: Mapping[str, float], held: Mapping[str, float], states: Iterable[State]
) -> Rebalance:
    """Run day 20 of portfolio P, whose states are known."""
    counted = count_days(state_frame(states), on(DAY), SESSIONS)
    return rebalance(replace(a_day(of, scores=scores, held=held), states=counted))


def decision(result: Rebalance, asset: str = "a") -> dict[str, Any]:
    return by_asset(result.decisions)[asset]


def target(result: Rebalance, asset: str = "a") -> float:
    return float(by_asset(result.targets)[asset]["target_weight"])


# Dust ------------------------------------------------------------------------------------------------------


def test_a_rest_of_what_is_gone_has_no_grace() -> None:
    """It has no clock that could count: it would fail for the first time every day, and never close."""
    failed = decision(run(limits(**GRACE), {"a": 0.5}, {"a": 0.00005}, [gone(3)]))
    assert (failed["gate"], failed["grace_count"]) == ("below_min_score_threshold", None)
    never_held = decision(run(limits(**GRACE), {"a": 0.5}, {"a": 0.00005}, []))
    assert (never_held["gate"], never_held["grace_count"]) == ("below_min_score_threshold", None)


def test_a_rest_of_what_is_gone_is_not_opened_again_as_a_core_asset() -> None:
    shut = decision(run(limits(reentry_cooldown_days=5, **CORE), {"a": 0.9}, {"a": 0.00005}, [gone(DAY - 1)]))
    assert (shut["gate"], shut["is_locked"], shut["gate_days_left"]) == ("reentry_cooldown_days", False, 5)


def test_a_close_that_positions_withdrew_is_told_with_a_count_up_to_its_limit() -> None:
    """The count goes on to 3 where the holding is still there."""
    closed = decision(
        run(limits(grace_period_days=2), {"a": 0.5}, {"a": 0.1}, [State(grace=DAY - 3, count=2, entry_weight="0.1")])
    )
    assert (closed["gate"], closed["grace_count"]) == ("grace_period_days", 3)
    assert "for the 4th time; grace 2 of 2 is over." in closed["decision_reason"]


# A place that is lost --------------------------------------------------------------------------------------


def in_grace(weight: float = 0.1) -> State:
    return State(grace=DAY - 1, count=0, entry_weight=str(weight))


def test_grace_that_loses_its_place_is_kept_by_nothing() -> None:
    full = run(limits(max_total_positions=1, **GRACE), {"a": 0.5, "b": 0.9}, {"a": 0.1, "b": 0.1}, [in_grace()])
    lost = decision(full)
    assert (lost["gate"], lost["grace_count"]) == ("max_total_positions", 1)
    assert (lost["kept_by"], lost["kept_from"], lost["is_pinned"], lost["gate_days_left"]) == (None, None, False, None)
    assert not by_asset(full.targets)["a"]["is_pinned"]


def test_days_left_are_those_of_the_gate() -> None:
    shut = limits(reentry_cooldown_days=5, exclude_assets=("a",))
    excluded = decision(run(shut, {"a": 0.9}, {}, [gone(DAY - 1)]))
    assert (excluded["gate"], excluded["gate_days_left"]) == ("excluded", None)
    term = limits(max_holding_days=30, max_total_positions=1)
    left = decision(run(term, {"a": 0.7, "b": 0.9}, {"a": 0.1, "b": 0.1}, [State(), State("b")]))
    assert (left["gate"], left["gate_days_left"]) == ("max_total_positions", None)


def test_a_holding_without_a_place_begins_no_new_term() -> None:
    term = limits(max_holding_days=10, max_total_positions=1)
    lost = run(term, {"a": 0.7, "b": 0.9}, {"a": 0.1, "b": 0.1}, [State(), State("b")])
    assert decision(lost)["gate"] == "max_total_positions"
    assert "new term" not in decision(lost)["decision_reason"]


# What is reported ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "held", "kept"),
    [(0.12, 0.12, 0.0768), (0.03, 0.024, 0.02), (0.12, 0.05, 0.05), (0.02, 0.012, 0.012)],
    ids=["decayed", "minimum size", "has less", "has less than the minimum"],
)
def test_the_product_of_a_grace_is_right_where_another_number_counts(entry: float, held: float, kept: float) -> None:
    """Entry weight x 0.64, and apart from it what is kept."""
    state = State(grace=DAY - 2, count=1, entry_weight=str(entry))
    result = run(limits(min_position_size=0.02, rebalance_band=0.0, **GRACE), {"a": 0.5}, {"a": held}, [state])
    reason = str(decision(result)["decision_reason"])
    assert target(result) == pytest.approx(kept, abs=1e-12)
    first, second, product = (float(one) for one in re.findall(r"([\d.]+) x ([\d.]+) = (\d+\.\d+)", reason)[0])
    assert product == pytest.approx(first * second, abs=5e-5)
    assert first == entry
    assert f"{kept:g}" in reason or kept == pytest.approx(product, abs=5e-5)


# No room ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_dynamic", [True, False])
def test_a_locked_holding_stays_where_pins_leave_no_room(*, is_dynamic: bool) -> None:
    """The pins fill the portfolio, so that a free holding gets nothing: who is locked is pinned with them."""
    of = limits(target_total_allocation=0.3, enable_dynamic_sizing=is_dynamic, max_total_positions=5, **CORE)
    filled = run(of, {"a": 0.9}, {"a": 0.01, "b": 0.15, "c": 0.15}, [State(), State("b"), State("c")])
    assert decision(filled)["kept_by"] == "core_assets"
    assert 0 < target(filled) <= 0.01


# Entry scores ----------------------------------------------------------------------------------------------


def test_a_higher_score_in_grace_does_not_bear_a_bucket_that_a_new_name_bears() -> None:
    """The holding itself takes one position of its bucket, whatever its score: the new name has the other."""
    of = limits(max_total_positions=2, max_positions_per_bucket=2, min_buckets_represented=2, **GRACE)
    closed = run(of, {"t1": 0.58, "t2": 0.95, "d": 0.95}, {"t1": 0.1, "d": 0.1}, [State("t1"), State("d")])
    assert decision(closed, "t1")["gate"] == "min_buckets_represented"
    assert decision(closed, "t1")["entry_score"] == 0.6


def test_a_closed_holding_in_grace_counts_where_another_name_is_tried() -> None:
    """One new name may be opened: first that of the bucket in which nothing is in grace, whatever the other scores."""
    of = limits(
        max_new_positions=1, max_total_positions=1, max_positions_per_bucket=2, min_buckets_represented=2, **GRACE
    )
    tried = run(of, {"d1": 0.55, "d2": 0.75, "t1": 0.65}, {"d1": 0.95}, [State("d1")])
    assert decision(tried, "t1")["is_selected"]
    assert (decision(tried, "d2")["gate"], decision(tried, "d2")["entry_score"]) == ("max_total_positions", None)
