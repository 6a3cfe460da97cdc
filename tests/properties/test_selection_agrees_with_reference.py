"""The product and the slow second selection agree on random days, column by column, counterfactuals included.

`entry_score` of the second selection is brute force: the rules run again for every score that could matter.
"""

import os
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from sizing.pipeline import decide, select_candidates
from tests.helpers.examples import ALL_EXAMPLES, examples
from tests.properties.selection_days import SelectionDay, make_day, small_days
from tests.sizing.days import by_asset
from tests.sizing.reference.selection import UNITS, Answer, decide_by_hand

FUZZ_DAYS = int(os.environ.get("BALLAST_FUZZ_DAYS", "6" if ALL_EXAMPLES else "2"))
"""Days drawn from a seed, of 20 portfolios each; hypothesis draws some more."""

DAYS_PER_TEST = 100
AS_DRAWN = (Phase.explicit, Phase.reuse, Phase.generate)  # the smallest portfolio that differs is told instead

Row = dict[str, Any]


def expected_row(answer: Answer) -> Row:
    name = answer.name
    return {
        "bucket": name.bucket,
        "score": name.units,
        "score_age_days": name.age,
        "has_partial_score": name.has_partial_score,
        "is_score_stale": name.is_held and name.units is None,
        "is_held": name.is_held,
        "restriction": name.restriction,
        "is_pinned": name.is_pinned,
        "is_reserved": answer.is_reserved,
        "is_selected": answer.is_selected,
        "gate": answer.gate,
        "gate_limit": answer.gate_limit,
        "candidate_rank": answer.candidate_rank,
        "bucket_rank": answer.bucket_rank,
        "entry_score": answer.entry_units,
        "rival": answer.rival,
    }


def in_units(score: float | None) -> int | None:
    return None if score is None else round(score * UNITS)


def differences(rows: dict[str, Row], answers: dict[str, Answer]) -> Iterator[str]:
    if set(rows) != set(answers):
        yield f"candidates: got {sorted(rows)}, expected {sorted(answers)}"
        return
    for asset, answer in answers.items():
        row = rows[asset] | {name: in_units(rows[asset][name]) for name in ("score", "entry_score")}
        for column, value in expected_row(answer).items():
            if row[column] != value:
                yield f"{asset} {column}: got {row[column]!r}, expected {value!r}"


def assert_agrees(drawn: SelectionDay) -> None:
    """Select for all portfolios in one run; fail with the smallest that differs."""
    day = drawn.day()
    decisions = decide(select_candidates(day), day)
    failed = []
    for portfolio_id in drawn.limits:
        answers = decide_by_hand(drawn.asked(portfolio_id))
        found = list(differences(by_asset(decisions, portfolio_id), answers))
        if found:
            failed.append((len(answers), portfolio_id, found))
    if failed:
        _, portfolio_id, found = min(failed)
        told = "\n".join(found)
        pytest.fail(
            f"{len(failed)} of {len(drawn.limits)} differ; the smallest:\n{drawn.describe(portfolio_id)}\n{told}"
        )


@pytest.mark.parametrize("first", range(0, FUZZ_DAYS, DAYS_PER_TEST))
def test_every_column_agrees_on_random_days(first: int) -> None:
    for seed in range(first, min(FUZZ_DAYS, first + DAYS_PER_TEST)):
        assert_agrees(make_day(Random(seed)))


@settings(max_examples=examples(10), deadline=None, phases=AS_DRAWN, suppress_health_check=list(HealthCheck))
@given(drawn=small_days)
def test_every_column_agrees_on_days_that_hypothesis_draws(drawn: SelectionDay) -> None:
    assert_agrees(drawn)
