"""The lifecycle against a slow loop of one portfolio, day and name at a time, on random histories.

BALLAST_FUZZ_HISTORIES sets their number; a failure names the seed of its history and the day.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from random import Random
from typing import Any

import pytest

from tests.sizing.lifecycle.histories import draw_history
from tests.sizing.lifecycle.history_walk import DUST_UNITS, Step, Walk, to_units
from tests.sizing.lifecycle.reference import WEIGHT_UNITS, Case, Verdict, decide, recovery_units
from tests.sizing.lifecycle.reference_state import Life, Traded, advance, correct
from tests.sizing.reference.selection import UNITS, exactly, units

pytestmark = pytest.mark.slow

HISTORIES = int(os.environ.get("BALLAST_FUZZ_HISTORIES", "100"))
AT_ONCE = 200
"""Histories that walk together."""

_COUNTED = ("days_held", "grace_count", "gate_days_left", "kept_from")


@dataclass
class Reference:
    """The states of all histories, moved by the slow loop alone."""

    lives: dict[str, dict[str, Life]] = field(default_factory=dict)

    def compare(self, name: str, step: Step) -> None:
        """Move one portfolio by a day, and compare what it was, what was decided and what it became."""
        case = step.case
        file_day = case.day if step.is_from_file else None
        corrected = correct(self.lives.get(name, {}), case.book, file_day, DUST_UNITS)
        told = f"{name}, day {case.day}"
        assert case.lives == corrected, told
        verdicts = decide(case)
        expected = {asset: decision_of(one, case) for asset, one in verdicts.items()}
        found = {asset: {key: row[key] for key in expected[asset]} for asset, row in step.decisions.items()}
        assert found == expected, f"{told}\n{explain(case)}"
        compare_pins(step, verdicts, told)
        self.lives[name] = advance(corrected, traded_of(step, verdicts), case.day)
        assert step.after == self.lives[name], f"{told}\n{explain(case)}"


def decision_of(verdict: Verdict, case: Case) -> dict[str, object]:
    """Return the columns of a decision; those that count are null where no limit reads the past."""
    decision = {
        "is_selected": verdict.is_selected,
        "gate": verdict.gate,
        "is_locked": verdict.is_locked,
        "is_pinned": verdict.is_pinned,
        "kept_by": verdict.kept_by,
    }
    counted = (verdict.days_held, verdict.count, verdict.gate_days_left, verdict.kept_from)
    is_read = case.limits.reads_lifecycle
    return decision | {key: value if is_read else None for key, value in zip(_COUNTED, counted, strict=True)}


def compare_pins(step: Step, verdicts: Mapping[str, Verdict], told: str) -> None:
    """Compare the pinned weights; who is locked or not to be bought may be pinned late, at no more than it has."""
    for asset, weight in step.pinned.items():
        verdict, current = verdicts[asset], step.case.book.get(asset, 0)
        if verdict.pinned is not None:
            expected = min(verdict.pinned, WEIGHT_UNITS)
            assert weight is not None, told
            assert round(weight * WEIGHT_UNITS) == expected, (told, asset, expected, explain(step.case))
        elif weight is not None:
            assert verdict.is_locked or step.decisions[asset]["restriction"] == "no_buy", (told, asset)
            assert round(weight * WEIGHT_UNITS) <= current, (told, asset)


def traded_of(step: Step, verdicts: Mapping[str, Verdict]) -> dict[str, Traded]:
    return {
        asset: Traded(
            before=step.case.book.get(asset, 0),
            after=to_units(row["post_trade_weight"]),
            count=verdicts[asset].count,
            begins_term=verdicts[asset].begins_term,
        )
        for asset, row in step.targets.items()
    }


def entry_units(case: Case, asset: str) -> int | None:
    """Try every score of today at which a comparison could turn out another way; never is a higher one worse."""
    limits = case.limits
    margin = units(exactly(limits.replacement_margin or 0))
    thresholds = (limits.min_score_threshold, limits.min_score_new_position, limits.reentry_score)
    corners = {0, UNITS, recovery_units(limits), *(units(one) for one in thresholds if one is not None)}
    others = {units(one.score) for one in case.scores if one.asset != asset}
    corners |= {score + step for score in others for step in (-margin, 0, margin)}
    plausible = sorted({score + step for score in corners for step in (-1, 0, 1) if 0 <= score + step <= UNITS})
    is_in = [decide(with_score(case, asset, score))[asset].is_selected for score in plausible]
    assert is_in == sorted(is_in), explain(case)
    return next((score for score, selected in zip(plausible, is_in, strict=True) if selected), None)


def with_score(case: Case, asset: str, score: int) -> Case:
    changed = tuple(
        replace(one, score=score / UNITS) if one.asset == asset and one.age == 0 else one for one in case.scores
    )
    return replace(case, scores=changed)


def explain(case: Case) -> str:
    """Return what one day was made from."""
    told: dict[str, Any] = {
        "limits": case.limits.model_dump(exclude_defaults=True),
        "scores": sorted((one.asset, one.age, one.score) for one in case.scores),
        "book": dict(case.book),
        "restrictions": sorted(case.restrictions),
        "lives": {asset: asdict(life) for asset, life in case.lives.items()},
    }
    return "\n".join(f"{key}: {value}" for key, value in told.items())


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("first", range(0, HISTORIES, AT_ONCE))
def test_random_histories_agree(first: int) -> None:
    histories = [draw_history(seed) for seed in range(first, min(first + AT_ONCE, HISTORIES))]
    reference = Reference()
    for steps in Walk(histories):
        for name, step in steps.items():
            reference.compare(name, step)


@pytest.mark.timeout(3600)
def test_entry_scores_are_exact() -> None:
    """One question in some hundred: a name with a score of today that nothing locks, tried at every score."""
    number = max(40, HISTORIES // 10)
    random = Random(number)
    for steps in Walk([draw_history(seed) for seed in range(number)]):
        for step in random.sample(sorted(steps.values(), key=lambda one: one.case.limits.model), min(2, len(steps))):
            for asset, row in step.decisions.items():
                if row["is_locked"]:
                    assert row["entry_score"] is None
                elif row["score_age_days"] == 0:
                    found = None if row["entry_score"] is None else units(row["entry_score"])
                    assert found == entry_units(step.case, asset), (step.case.limits.model, asset, explain(step.case))
