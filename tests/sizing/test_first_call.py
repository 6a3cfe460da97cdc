"""What a first call in a notebook gets wrong is told in one sentence: what was expected, what came, what to do."""

from typing import Any

import polars as pl
import pytest

import sizing
from sizing import (
    PRESETS,
    ContractError,
    DynamicPositionSizer,
    RebalancingLimits,
    TwoStagePositionSizer,
    size_portfolios,
)

LIMITS = RebalancingLimits()
NAMES = pl.DataFrame(
    {
        "portfolio_id": ["p"] * 3,
        "asset": ["A", "B", "C"],
        "bucket": ["x"] * 3,
        "score": [0.9, 0.8, 0.7],
        "is_held": [False] * 3,
    }
)


def _message(selected: Any, limits: Any = LIMITS) -> str:  # noqa: ANN401 - wrong on purpose
    with pytest.raises(ContractError) as error:
        size_portfolios(selected, limits)
    return str(error.value)


def test_every_name_that_is_promised_is_there() -> None:
    assert [name for name in sizing.__all__ if not hasattr(sizing, name)] == []


def test_a_list_of_rows_is_reported_how_to_become_a_frame() -> None:
    told = (
        "size_portfolios: expected the selected assets as a Polars DataFrame, got a list: pl.DataFrame(...) makes one"
    )
    assert _message(NAMES.to_dicts()) == told


def test_a_lazy_frame_is_reported_to_be_collected() -> None:
    assert _message(NAMES.lazy()).endswith("got a LazyFrame: call collect() on it first")


def test_columns_of_another_type_are_reported_how_to_be_cast() -> None:
    told = _message(NAMES.with_columns(score=pl.lit(1)))
    assert "'score', got: Int32, expected: float64" in told


@pytest.mark.parametrize("limits", [None, {"p": {}}, {"p": {"max_single_position": 0.1}}, 0.15])
def test_limits_that_are_none_are_reported(limits: object) -> None:
    told = _message(NAMES, limits)
    assert told.startswith("expected a RebalancingLimits, or a mapping from portfolio_id to one; got ")
    assert told.endswith("RebalancingLimits(max_single_position=0.15) makes one")


def test_of_several_that_are_no_limits_the_first_is_reported() -> None:
    assert "got 0.15: " in _message(NAMES, {"p": LIMITS, "q": 0.15, "r": 0.2, "s": 0.3})


def test_a_mapping_of_limits_without_portfolios_names_the_one_that_is_missing() -> None:
    assert _message(NAMES, {"max_single_position": LIMITS}).startswith("no limits for 1 of 1 portfolios: p")


def test_the_second_sizer_alone_says_that_the_first_comes_before_it() -> None:
    with pytest.raises(ContractError) as error:
        TwoStagePositionSizer(LIMITS).size(NAMES)
    assert str(error.value) == (
        "TwoStagePositionSizer: the frame has no size_category, score_multiplier, drop_reason, raw_weight: "
        "give it what DynamicPositionSizer.size gives"
    )


def test_the_two_sizers_one_after_the_other_give_what_the_whole_does() -> None:
    staged = TwoStagePositionSizer(LIMITS).size(DynamicPositionSizer(LIMITS).size(NAMES))
    assert staged["stage2_weight"].to_list() == size_portfolios(NAMES, LIMITS).positions["stage2_weight"].to_list()


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_a_start_for_limits(name: str) -> None:
    sized = size_portfolios(NAMES, RebalancingLimits(**PRESETS[name].limits))
    assert sized.portfolios["n_sized"].to_list() == [3]
