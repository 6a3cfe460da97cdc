"""Limits that a command changes: each as the model has it, or refused in one sentence."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from sizing import RebalancingLimits
from tasks.config.limit_overrides import change_limits, choose_portfolios, describe_changes
from tasks.errors import UsageError
from tests.helpers.examples import examples
from tests.properties.strategies import make_limits

WIDE = RebalancingLimits(min_position_size=0.2, max_single_position=0.3, max_allocation_by_bucket={"Energy": 0.2})
LIMITS = {"core": RebalancingLimits(), "wide": WIDE}


@settings(max_examples=examples(200), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_changed_limits_are_validated_as_the_model_does(seed: int) -> None:
    rng = Random(seed)
    configured, other = make_limits(rng, ["a", "b"], 5), make_limits(rng, ["a", "c"], 5).model_dump()
    names = rng.sample(sorted(other), rng.randint(0, len(other)))
    asked: dict[str, Any] = {name: other[name] for name in names}
    before = configured.model_dump()
    merged = {
        name: before[name] | value if value and isinstance(value, dict) else value for name, value in asked.items()
    }
    try:
        expected = RebalancingLimits(**before | merged)
    except ValidationError:
        with pytest.raises(UsageError):
            change_limits({"p": configured}, asked)
    else:
        assert change_limits({"p": configured}, asked) == {"p": expected}


def test_of_a_mapping_the_other_entries_stay() -> None:
    changed = change_limits(LIMITS, {"max_allocation_by_bucket": {"Utilities": 0.1}})
    assert changed["wide"].max_allocation_by_bucket == {"Energy": 0.2, "Utilities": 0.1}
    assert changed["core"].max_allocation_by_bucket == {"Utilities": 0.1}


def test_an_empty_mapping_has_no_entries_left() -> None:
    assert change_limits(LIMITS, {"max_allocation_by_bucket": {}})["wide"].max_allocation_by_bucket == {}


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"max_single_position": 1.5}, "--max-single-position: expected a number above 0 and at most 1, got 1.5"),
        (
            {"max_single_position": 0.1},
            (
                "--max-single-position 0.1: min_position_size 0.2 is above max_single_position 0.1: no position could "
                "exist; lower the one to at most 0.1 or raise the other (portfolio wide)"
            ),
        ),
        (
            {"max_allocation_by_bucket": {"Energy": 2}},
            "--max-allocation-by-bucket.Energy: expected a number above 0 and at most 1, got 2",
        ),
        (
            {"technical_score_weight": 0, "max_new_positions": 2, "fundamental_score_weight": 0},
            (
                "--technical-score-weight 0 and --fundamental-score-weight 0: technical_score_weight and "
                "fundamental_score_weight are both 0: one of them must be above 0"
            ),
        ),
    ],
)
def test_an_invalid_limit_names_its_flag_value_and_bound(asked: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        change_limits(LIMITS, asked)
    assert str(refused.value) == sentence


def test_an_unknown_portfolio_names_the_nearest() -> None:
    assert list(choose_portfolios(LIMITS, [])) == ["core", "wide"]
    assert list(choose_portfolios(LIMITS, ["wide"])) == ["wide"]
    with pytest.raises(UsageError, match=r"--portfolio cor is unknown; did you mean core\?"):
        choose_portfolios(LIMITS, ["wide", "cor"])


def test_changed_limits_are_reported_with_the_configured_value() -> None:
    changed = change_limits(LIMITS, {"min_position_size": 0.02})
    assert describe_changes(changed, LIMITS) == (
        "portfolio wide: limits other than configured: min_position_size 0.02 (0.2)",
    )
