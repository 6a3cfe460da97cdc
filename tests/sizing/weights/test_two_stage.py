"""`DynamicPositionSizer` and `TwoStagePositionSizer`, each used alone, as a notebook would."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sizing import DynamicPositionSizer, RebalancingLimits, TwoStagePositionSizer, size_portfolios
from sizing.errors import ContractError
from sizing.weights.raw_weights import RAW_COLUMNS
from sizing.weights.two_stage import STAGE_COLUMNS
from sizing.weights.working_frame import ONLY_FOR_SIZING
from tests.properties.strategies import make_batch
from tests.sizing.cases import frame_and_limits, to_frame
from tests.sizing.reference.portfolio import Line

LIMITS = RebalancingLimits(max_single_position=0.3, min_position_size=0.2, max_allocation_per_bucket=1.0)
SELECTED = to_frame(
    {
        "one": [
            Line("AAA", "x", 0.9, is_held=False),
            Line("BBB", "y", 0.8, is_held=True),
            Line("CCC", "x", None, is_held=True, pinned_weight=0.1),
            Line("DDD", "y", 0.1, is_held=False),
        ]
    }
)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_one_after_the_other_they_give_the_columns_of_the_whole(seed: int) -> None:
    selected, limits = frame_and_limits(make_batch(seed))
    shuffled = selected.sample(fraction=1.0, shuffle=True, seed=seed)
    whole = size_portfolios(selected, limits)
    # A relaxed portfolio is sized under other limits than those given.
    unrelaxed = whole.portfolios.filter(pl.col("relaxation").is_null()).select("portfolio_id")
    raw = DynamicPositionSizer(limits).size(shuffled)
    alone = TwoStagePositionSizer(limits).size(raw)
    keys = ("portfolio_id", "asset", *RAW_COLUMNS, *STAGE_COLUMNS)
    expected = whole.positions.join(unrelaxed, on="portfolio_id", how="semi", maintain_order="left").select(keys)
    assert expected.filter(pl.col("size_category") == "pinned").height > 20
    assert expected.filter(pl.col("drop_reason").is_not_null()).height > 20
    assert_frame_equal(
        alone.join(unrelaxed, on="portfolio_id", how="semi", maintain_order="left").select(keys),
        expected,
        check_exact=True,
    )


def test_pinned_and_dropped_assets_are_handed_on_without_a_stage() -> None:
    raw = DynamicPositionSizer(LIMITS).size(SELECTED.with_columns(note=pl.lit("kept")))
    sized = TwoStagePositionSizer(LIMITS).size(raw)
    added = [*RAW_COLUMNS, *STAGE_COLUMNS]
    assert sized.columns[: SELECTED.width + 1] == [*SELECTED.columns, "note"]
    assert set(ONLY_FOR_SIZING) < set(sized.columns)
    assert sized.columns[-len(added) :] == added
    weights = dict(sized.select("asset", "stage2_weight").iter_rows())
    # 0.95 less the pinned 0.1: two of at least 0.2 fit under the cap of 0.3, the score of 0.1 has no tier.
    assert weights == pytest.approx({"AAA": 0.3, "BBB": 0.3, "CCC": 0.1, "DDD": 0.0})
    assert dict(sized.select("asset", "drop_reason").iter_rows())["DDD"] == "no_size"


def test_a_frame_that_was_sized_already_is_rejected() -> None:
    raw = DynamicPositionSizer(LIMITS).size(SELECTED)
    with pytest.raises(ContractError, match="already has drop_reason, raw_weight, score_multiplier, score_rank"):
        DynamicPositionSizer(LIMITS).size(raw)


@pytest.mark.parametrize("name", RAW_COLUMNS)
def test_every_column_of_the_first_sizer_is_asked_for_but_the_rank_which_is_found_again(name: str) -> None:
    raw = DynamicPositionSizer(LIMITS).size(SELECTED)
    if name == "score_rank":
        whole = TwoStagePositionSizer(LIMITS).size(raw)
        assert_frame_equal(TwoStagePositionSizer(LIMITS).size(raw.drop(name)), whole.drop(name))
    else:
        with pytest.raises(ContractError, match=f"the frame has no {name}: give it what DynamicPositionSizer"):
            TwoStagePositionSizer(LIMITS).size(raw.drop(name))
