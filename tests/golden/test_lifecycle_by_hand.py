"""The worked examples of docs/lifecycle.md, each through the whole pipeline, day by day."""

from datetime import date

import polars as pl
import pytest

from sizing import RebalancingLimits
from tests.sizing.lifecycle.states import SESSIONS, State
from tests.sizing.lifecycle.walk import decided, walk, weights

GRACE = {"grace_period_days": 5, "replacement_margin": None, "rebalance_band": 0.0}


def held_at(weight: float, **changes: object) -> RebalancingLimits:
    """Limits under which the only name is held at this weight."""
    return RebalancingLimits(max_single_position=weight, max_missing_score_share=1, **(GRACE | changes))


def test_grace_waits_for_a_missing_score_and_ends_at_the_recovery_score() -> None:
    days = [{"a": s} if s else {} for s in (0.9, 0.58, 0.57, None, 0.61, 0.59, 0.66)]
    results = list(walk(held_at(0.12), days))
    assert weights(results, "a") == pytest.approx([0.12, 0.12, 0.096, 0.096, 0.096, 0.0768, 0.12], abs=1e-12)
    assert decided(results, "a", "grace_count") == [None, 0, 1, 1, 1, 2, None]
    grace = "grace_period_days"
    assert decided(results, "a", "kept_by") == [None, grace, grace, "score_missing", grace, grace, None]
    assert decided(results, "a", "is_locked") == [False, False, False, True, False, False, False]
    assert decided(results, "a", "gate_days_left") == [None, 5, 4, None, 4, 3, None]
    assert decided(results, "a", "kept_from") == [
        *(None, "below_min_score_threshold", "below_min_score_threshold"),
        *(None, None, "below_min_score_threshold", None),
    ]


def test_a_holding_that_always_fails_closes_after_its_grace() -> None:
    results = list(walk(held_at(0.12), [{"a": 0.9}, *[{"a": 0.5}] * 6]))
    assert weights(results, "a") == pytest.approx([0.12, 0.12, 0.096, 0.0768, 0.06144, 0.049152, 0], abs=1e-12)
    assert decided(results, "a", "gate") == [None] * 6 + ["grace_period_days"]
    assert decided(results, "a", "gate_limit")[-1] == 5
    assert results[-1].lifecycle["closed_on"].to_list() == [[results[-1].targets["as_of_date"][0]]]


def test_decay_stops_at_the_minimum_size() -> None:
    results = walk(held_at(0.03), [{"a": 0.9}, *[{"a": 0.5}] * 6])
    assert weights(results, "a") == pytest.approx([0.03, 0.03, 0.024, 0.02, 0.02, 0.02, 0], abs=1e-12)


def test_the_others_share_what_grace_leaves() -> None:
    equal = {"sizing_mode": "equal_weight", "residual_strategy": "proportional", "max_residual_multiple": None}
    free = {"max_residual_per_asset": 1.0, "max_positions_per_bucket": 9}
    names = {"b": 0.9, "c": 0.9, "d": 0.9}
    alone = held_at(0.12, **equal)
    wide = RebalancingLimits(max_single_position=0.4, **(GRACE | equal | free))
    results = list(walk([alone, wide, wide], [{"a": 0.9}, {"a": 0.5, **names}, {"a": 0.5, **names}]))
    last = results[-1].targets.filter(~pl.col("is_cash")).sort("asset")
    assert [str(weight) for weight in last["target_weight"]] == ["0.09600000", "0.28466667", "0.28466667", "0.28466666"]
    assert float(results[-1].sizing_summary["cash_weight"].item()) == 0


@pytest.mark.parametrize(
    ("score", "margin", "leaves", "stays"), [(0.62, 0.05, "B", "A"), (0.50, None, "Z", "A")], ids=["example 5", "6"]
)
def test_a_locked_holding_does_not_defend(score: float, margin: float | None, leaves: str, stays: str) -> None:
    limits = RebalancingLimits(
        min_holding_days=10, max_total_positions=3, replacement_margin=margin, min_buckets_represented=0
    )
    before = {"B": 0.70, "C": 0.75}
    days = [before, {**before, "A": 0.9}, *[{**before, "A": score}] * 2, {**before, "A": score, "Z": 0.80}]
    files = {0: {}, 4: {"A": 0.1, "B": 0.1, "C": 0.1}}  # B and C are there without our opening: not locked
    shown = {0: {"B": 0.1, "C": 0.1}}
    results = list(walk(limits, days, files=shown | {4: files[4]} if margin else shown))
    last = results[-1].decisions
    gates = dict(last.select("asset", "gate").iter_rows())
    assert gates[stays] is None
    assert gates[leaves] == ("replaced" if margin else "max_total_positions")
    if margin:
        assert dict(last.select("asset", "rival").iter_rows())["Z"] == "B"
    assert dict(last.select("asset", "kept_by").iter_rows())["A"] == "min_holding_days"


def test_a_cooldown_counts_sessions() -> None:
    sessions = pl.Series([date(2025, 7, day) for day in (1, 2, 3, 7, 8, 9, 10, 11, 14)])
    limits = RebalancingLimits(reentry_cooldown_days=5, max_missing_score_share=1)
    scores = [0.9, 0.9, 0.1, *[0.9] * 6]
    results = list(walk(limits, [{"a": one} for one in scores], sessions=sessions))
    assert decided(results, "a", "gate") == [
        *(None, None, "below_min_score_threshold"),
        *["reentry_cooldown_days"] * 5,
        None,
    ]
    assert decided(results, "a", "gate_days_left")[3:] == [5, 4, 3, 2, 1, None]
    assert decided(results, "a", "entry_score")[3] is None


def test_round_trips_are_counted_in_their_window() -> None:
    limits = RebalancingLimits(max_round_trips=2, round_trip_window_days=20)
    opened = State("a", opened=4, term=4, closed=(3,))
    days = [{"a": 0.1}, *[{"a": 0.9}] * 9]
    results = list(walk(limits, days, before=(15, {"a": 0.15}, [opened])))
    assert decided(results, "a", "gate") == ["below_min_score_threshold", *["max_round_trips"] * 8, None]
    assert decided(results, "a", "gate_days_left")[1:9] == [8, 7, 6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize(("score", "gate"), [(0.63, "max_holding_days"), (0.66, None)])
def test_a_term_is_judged_like_a_new_name(score: float, gate: str | None) -> None:
    limits = RebalancingLimits(max_holding_days=60)
    results = list(walk(limits, [{"a": 0.9}, {"a": 0.9}, {"a": score}], before=(58, {"a": 0.15}, [State("a")])))
    last = results[-1]
    assert decided(results, "a", "gate")[-1] == gate
    assert decided(results, "a", "entry_score")[-1] == 0.65
    assert decided(results, "a", "gate_days_left") == [2, 1, 60 if gate is None else None]
    started = last.lifecycle["term_started_on"].item()
    assert started == (last.targets["as_of_date"][0] if gate is None else SESSIONS[0])


def test_a_limit_reduces_a_locked_holding_and_does_not_close_it() -> None:
    wide, narrow = (RebalancingLimits(max_single_position=cap, min_holding_days=5) for cap in (0.15, 0.10))
    results = list(walk([wide, narrow], [{"a": 0.9}, {"a": 0.3}]))
    last = results[-1].targets.filter(pl.col("asset") == "a")
    assert (float(last["target_weight"].item()), last["action"].item()) == (0.10, "decrease")
    assert decided(results, "a", "kept_by")[-1] == "min_holding_days"


def test_what_is_not_in_the_next_file_was_never_opened() -> None:
    limits = RebalancingLimits(reentry_cooldown_days=5, max_missing_score_share=1)
    results = list(walk(limits, [{"a": 0.9, "b": 0.9}, {"a": 0.9, "b": 0.9}], files={1: {"b": 0.15}}))
    assert decided(results, "a", "gate") == [None, None]


def test_a_lock_holds_the_weight_while_grace_counts() -> None:
    limits = held_at(0.15, min_holding_days=3)
    days = [{"a": 0.9}, {"a": 0.5}, {"a": 0.5}, {}, {"a": 0.5}]
    results = list(walk(limits, days))
    assert weights(results, "a") == pytest.approx([0.15, 0.15, 0.15, 0.15, 0.096], abs=1e-12)
    assert decided(results, "a", "grace_count") == [None, 0, 1, 1, 2]


def test_the_sentence_of_grace_has_its_numbers() -> None:
    results = list(walk(held_at(0.12), [{"a": 0.9}, {"a": 0.58}, {"a": 0.57}]))
    assert decided(results, "a", "decision_reason")[2].endswith(
        "Score 0.57 is below 0.6 for the 2nd time; grace 1 of 5: at most 0.12 x 0.8 = 0.096. "
        "From 0.65 it is sized again."
    )
