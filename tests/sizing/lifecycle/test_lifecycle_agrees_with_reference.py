"""The lifecycle against a slow loop of one portfolio, day and name at a time, on random histories.

BALLAST_FUZZ_HISTORIES sets their number; a failure names the seed of its history and the day.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import pytest

from tests.sizing.lifecycle.histories import draw_history
from tests.sizing.lifecycle.history_walk import DUST_UNITS, Step, Walk, to_units
from tests.sizing.lifecycle.reference import WEIGHT_UNITS, Case, Verdict, decide
from tests.sizing.lifecycle.reference_state import Life, Traded, advance, correct

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
