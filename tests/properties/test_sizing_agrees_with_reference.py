"""The product and the slow second sizer agree on thousands of random portfolios.

A mark is compared with the set of marks that are right within `reference.portfolio.TIE` of a tie. Which positions
stage 1 capped is never excused: stage 2 depends on it, so an exact tie must be seen as the tie it is.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.helpers.examples import ALL_EXAMPLES, examples
from tests.properties.strategies import FUZZ_PORTFOLIOS, PORTFOLIOS_PER_CALL, frames, make_batch, make_huge
from tests.sizing.cases import Asked, Case, size_all
from tests.sizing.reference.portfolio import Line, Portfolio
from tests.sizing.reference.sizer import size_by_hand, summarise

WEIGHT_TOLERANCE = 1e-9  # of intermediate weights and their totals
RATIO_TOLERANCE = 1e-6  # of ratios of stored weights, where one unit in a small portfolio shows
AS_DRAWN = (Phase.explicit, Phase.reuse, Phase.generate)  # drawn small; shrinking costs minutes
ONE_UNIT = Decimal("0.00000001")

EXACT = ("score_rank", "size_category", "drop_reason", "stage1_cap")
WEIGHTS = ("raw_weight", "stage1_weight", "stage2_weight", "residual_weight")
COUNTS = ("n_selected", "n_sized", "n_dropped", "stage1_capped_count", "residual_strategy")
STORED_TOTALS = ("target_total_allocation", "invested_weight", "cash_weight")
TOTALS = ("raw_total", "stage1_total", "stage2_total", "residual", "residual_placed", "largest_weight")


def line_differences(row: dict[str, Any], line: Line) -> Iterator[str]:
    for name in EXACT:
        if row[name] != getattr(line, name):
            yield f"{line.asset} {name}: got {row[name]!r}, expected {getattr(line, name)!r}"
    for name in WEIGHTS:
        if not abs(row[name] - getattr(line, name)) <= WEIGHT_TOLERANCE:
            yield f"{line.asset} {name}: got {row[name]!r}, expected {getattr(line, name)!r}"
    for name, marks in (("stage2_cap", line.stage2_caps), ("residual_limit", line.residual_limits)):
        if row[name] not in marks:
            yield f"{line.asset} {name}: got {row[name]!r}, expected one of {marks!r}"
    if abs(row["target_weight"] - line.target_weight) > ONE_UNIT:
        yield f"{line.asset} target_weight: got {row['target_weight']}, expected {line.target_weight}"


def multiplier_differences(row: dict[str, Any], line: Line) -> Iterator[str]:
    if abs(row["score_multiplier"] - line.score_multiplier) > WEIGHT_TOLERANCE:
        yield f"{line.asset} score_multiplier: got {row['score_multiplier']}, not {line.score_multiplier}"


def summary_differences(got: dict[str, Any], expected: dict[str, Any]) -> Iterator[str]:
    for name in (*COUNTS, *STORED_TOTALS):
        if got[name] != expected[name]:
            yield f"{name}: got {got[name]!r}, expected {expected[name]!r}"
    for name in TOTALS:
        tolerance = WEIGHT_TOLERANCE if name != "largest_weight" else float(ONE_UNIT) + WEIGHT_TOLERANCE
        if not abs(got[name] - expected[name]) <= tolerance:
            yield f"{name}: got {got[name]!r}, expected {expected[name]!r}"
    ratio = got["allocation_efficiency"]
    if not abs(ratio - expected["allocation_efficiency"]) <= RATIO_TOLERANCE:
        yield f"allocation_efficiency: got {ratio!r}, expected {expected['allocation_efficiency']!r}"


def differences(case: Case, lines: list[Line]) -> list[str]:
    expected = size_by_hand(lines, case.limits)
    found = list(summary_differences(case.summary, summarise(expected)))
    if len(case.rows) != len(expected.lines):
        return [*found, f"{len(case.rows)} rows, expected {len(expected.lines)}"]
    for row, line in zip(case.rows, expected.lines, strict=True):
        found += [] if row["asset"] == line.asset else [f"{row['asset']} where {line.asset} ranks"]
        found += line_differences(row, line)
        if case.limits.enable_dynamic_sizing:
            found += multiplier_differences(row, line)
    return found + measure_differences(case, expected)


def measure_differences(case: Case, expected: Portfolio) -> list[str]:
    """Compare the measures that docs/sizing.md defines only for dynamic sizing with nothing pinned."""
    if not case.limits.enable_dynamic_sizing or any(line.is_pinned for line in expected.lines):
        return []
    reachable = summarise(expected)["reachable_weight"]
    got = case.summary["reachable_weight"]
    return [] if abs(got - reachable) <= WEIGHT_TOLERANCE else [f"reachable_weight: {got}, not {reachable}"]


def assert_all_agree(asked: list[Asked]) -> None:
    """Size them in one call; fail with the smallest portfolio that differs."""
    compared = [(differences(case, lines), case) for case, (lines, _) in zip(size_all(asked), asked, strict=True)]
    failed = [(found, case) for found, case in compared if found]
    if failed:
        found, case = min(failed, key=lambda pair: len(pair[1].rows))
        pytest.fail(f"{len(failed)} of {len(asked)} differ; the smallest:\n{case!r}\n" + "\n".join(found))


@settings(
    max_examples=examples(max(1, FUZZ_PORTFOLIOS // PORTFOLIOS_PER_CALL), least=1),
    deadline=None,
    phases=AS_DRAWN,
)
@given(seed=st.integers(0, 2**32 - 1))
def test_every_column_agrees_on_random_portfolios_sized_in_one_call(seed: int) -> None:
    assert_all_agree(make_batch(seed))


@settings(max_examples=examples(60), deadline=None, phases=AS_DRAWN, suppress_health_check=[HealthCheck.too_slow])
@given(asked=frames)
def test_every_column_agrees_on_portfolios_that_hypothesis_draws(asked: list[Asked]) -> None:
    assert_all_agree(asked)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3 if ALL_EXAMPLES else 1))
def test_every_column_agrees_on_a_portfolio_of_thousands(seed: int) -> None:
    assert_all_agree([make_huge(seed)])
