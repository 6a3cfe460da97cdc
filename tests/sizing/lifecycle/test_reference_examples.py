"""The slow loop of the lifecycle against the worked examples of docs/lifecycle.md, by their numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from sizing import RebalancingLimits
from tests.sizing.days import Score
from tests.sizing.lifecycle.reference import WEIGHT_UNITS, Case, Verdict, decide
from tests.sizing.lifecycle.reference_state import Life, Traded, advance
from tests.sizing.lifecycle.states import on

GRACE = {"grace_period_days": 5, "min_position_size": 0.02, "max_score_age_days": 0}


def walk(
    scores: Sequence[float | None], weight: float, first: int = 1, **limits: object
) -> list[tuple[float, int | None, str | None]]:
    """Let one holding, opened on day 0, follow its scores; return weight, grace count and gate of each day."""
    lives, current = {"a": Life(opened=0, term=0)}, round(weight * WEIGHT_UNITS)
    told = []
    for day, score in enumerate(scores, start=first):
        case = one_day({"a": score}, {"a": current}, lives, day, **limits)
        verdict = decide(case)["a"]
        after = 0 if verdict.gate else current if verdict.pinned is None else verdict.pinned
        lives = advance(lives, {"a": Traded(current, after, verdict.count, verdict.begins_term)}, day)
        current = after
        told.append((current / WEIGHT_UNITS, verdict.count, verdict.gate))
    return told


def one_day(
    scores: Mapping[str, float | None], book: Mapping[str, int], lives: Mapping[str, Life], day: int, **limits: object
) -> Case:
    known = tuple(Score(asset, score) for asset, score in scores.items() if score is not None)
    buckets = dict.fromkeys(scores, "x")
    return Case(RebalancingLimits(**limits), day, on(day), known, book, frozenset(), buckets, lives)


def gates_of(verdicts: Mapping[str, Verdict]) -> dict[str, str | None]:
    return {asset: one.gate for asset, one in verdicts.items()}


def test_example_1_grace_with_a_gap_and_a_recovery() -> None:
    assert walk((0.58, 0.57, None, 0.61, 0.59, 0.66), 0.12, **GRACE) == [
        (0.12, 0, None),
        (0.096, 1, None),
        (0.096, 1, None),
        (0.096, 1, None),
        (0.0768, 2, None),
        (0.0768, None, None),
    ]


@pytest.mark.parametrize(
    ("entry", "weights"),
    [(0.12, (0.12, 0.096, 0.0768, 0.06144, 0.049152, 0)), (0.03, (0.03, 0.024, 0.02, 0.02, 0.02, 0))],
)
def test_examples_2_and_3_always_failing(entry: float, weights: tuple[float, ...]) -> None:
    told = walk((0.5,) * 6, entry, **GRACE)
    assert tuple(weight for weight, _, _ in told) == weights
    assert [gate for _, _, gate in told] == [None] * 5 + ["grace_period_days"]


def held_three(weakest: float, **limits: object) -> Case:
    lives = {"a": Life(opened=0, term=0), "b": Life(opened=-20, term=-20), "c": Life(opened=-20, term=-20)}
    scores = {"a": weakest, "b": 0.70, "c": 0.75, "d": 0.80}
    kept = {"min_holding_days": 10, "max_total_positions": 3, **limits}
    return one_day(scores, dict.fromkeys("abc", 10**7), lives, 3, **kept)


def test_example_5_who_is_locked_does_not_defend() -> None:
    gates = gates_of(decide(held_three(0.62, replacement_margin=0.05)))
    assert gates == {"a": None, "b": "replaced", "c": None, "d": None}


def test_example_6_who_is_locked_keeps_its_place_below_the_exit_score() -> None:
    verdicts = decide(held_three(0.50))
    assert gates_of(verdicts) == {"a": None, "b": None, "c": None, "d": "max_total_positions"}
    kept = verdicts["a"]
    assert (kept.kept_by, kept.kept_from, kept.pinned) == ("min_holding_days", "below_min_score_threshold", 10**7)
    assert kept.gate_days_left == 7


@pytest.mark.parametrize(("day", "left"), [(4, 2), (5, 1), (6, None)])
def test_example_7_whole_days_between_closing_and_opening(day: int, left: int | None) -> None:
    lives = {"a": Life(is_held=False, closed=(0,))}
    verdict = decide(one_day({"a": 0.8}, {}, lives, day, reentry_cooldown_days=5))["a"]
    assert (verdict.gate, verdict.gate_days_left) == (left and "reentry_cooldown_days", left)


@pytest.mark.parametrize(("day", "gate"), [(16, "max_round_trips"), (23, "max_round_trips"), (24, None)])
def test_example_8_two_round_trips_in_twenty_days(day: int, gate: str | None) -> None:
    lives = {"a": Life(is_held=False, is_confirmed=True, closed=(15, 3))}
    assert decide(one_day({"a": 0.8}, {}, lives, day, max_round_trips=2))["a"].gate == gate


@pytest.mark.parametrize(
    ("score", "day", "gate", "term"),
    [(0.63, 59, None, 0), (0.63, 60, "max_holding_days", 0), (0.66, 60, None, 60), (None, 60, None, 0)],
)
def test_example_9_a_new_term(score: float | None, day: int, gate: str | None, term: int) -> None:
    lives = {"a": Life(opened=0, term=0)}
    verdict = decide(one_day({"a": score}, {"a": 10**7}, lives, day, max_holding_days=60))["a"]
    assert verdict.gate == gate
    if gate is None:
        after = advance(lives, {"a": Traded(10**7, 10**7, verdict.count, verdict.begins_term)}, day)
        assert after["a"].term == term


def test_example_12_a_lock_without_decay_and_then_the_schedule() -> None:
    told = walk((0.5, 0.5, None, 0.5), 0.15, min_holding_days=3, **GRACE)
    assert [weight for weight, _, _ in told] == [0.15, 0.15, 0.15, 0.096]
    assert [count for _, count, _ in told] == [0, 1, 1, 2]


def test_a_lock_that_ends_with_grace_used_up_closes() -> None:
    told = walk((0.5,) * 4, 0.15, min_holding_days=4, **(GRACE | {"grace_period_days": 2}))
    assert [gate for _, _, gate in told] == [None, None, None, "grace_period_days"]


def test_grace_bears_a_bucket_only_where_nobody_else_can() -> None:
    limits = {**GRACE, "max_total_positions": 1, "min_buckets_represented": 2}
    case = one_day({"a": 0.58, "b": 0.8}, {"a": 10**7}, {"a": Life(opened=0, term=0)}, 1, **limits)
    assert gates_of(decide(case)) == {"a": "min_buckets_represented", "b": None}
    alone = replace(case, buckets={"a": "x", "b": "y"}, limits=case.limits.model_copy(update={"max_new_positions": 0}))
    assert gates_of(decide(alone)) == {"a": None, "b": "max_total_positions"}
