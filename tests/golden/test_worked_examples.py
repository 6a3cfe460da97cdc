"""The worked examples of docs/sizing.md 8, with the steps between, all by hand."""

from decimal import Decimal
from typing import Any

import pytest

from sizing import RebalancingLimits
from tests.golden.conftest import Sizer
from tests.sizing.cases import Case, size_all
from tests.sizing.reference.portfolio import Line

SIX_DECIMALS = 5e-7  # the examples are printed with six decimals
BY_HAND = 1e-12  # fractions written out below: only the last bits may differ


def free(*scores: float, bucket: str = "all") -> list[Line]:
    return [Line(f"{bucket}{number}", bucket, score) for number, score in enumerate(scores, start=1)]


def column(case: Case, name: str) -> list[Any]:
    return [row[name] for row in case.rows]


def near(*values: float, tolerance: float = BY_HAND) -> object:
    return pytest.approx(list(values), rel=0, abs=tolerance)


A_SCORES = (0.50, 0.14, 0.11, 0.05, 0.05, 0.04, 0.03, 0.03)
A_LIMITS = RebalancingLimits(sizing_mode="score_weighted", min_position_size=0, residual_strategy="proportional")


def test_example_a_ends_at_the_published_weights(size: Sizer) -> None:
    case = size(free(*A_SCORES), A_LIMITS)
    assert column(case, "target_weight") == [
        Decimal(text) for text in ("0.15", "0.15", "0.15", "0.125", "0.125", "0.1", "0.075", "0.075")
    ]
    assert case.summary["cash_weight"] == 0


def test_example_a_passes_through_the_stages_as_by_hand(size: Sizer) -> None:
    # The scores sum to T, so lambda = 1. Stage 1 cuts .50 to .15. Stage 2: f = (.95 - .15) / .45 = 16/9;
    # .14 and .11 would pass .15 and are cut, .05 16/9 = 4/45, .04 16/9 = 16/225, .03 16/9 = 4/75.
    # R = .95 - .45 - 8/45 - 16/225 - 8/75 = 13/90; mu = 13/90 : 16/45 = .40625, below the multiple of .5.
    case = size(free(*A_SCORES), A_LIMITS)
    assert column(case, "raw_weight") == near(*A_SCORES)
    assert column(case, "stage1_weight") == near(0.15, *A_SCORES[1:])
    assert column(case, "stage1_cap") == ["position"] + [None] * 7
    w2 = (0.15, 0.15, 0.15, 4 / 45, 4 / 45, 16 / 225, 4 / 75, 4 / 75)
    assert column(case, "stage2_weight") == near(*w2)
    assert column(case, "stage2_cap") == [None, "position", "position"] + [None] * 5
    assert column(case, "residual_weight") == near(0, 0, 0, *(0.40625 * weight for weight in w2[3:]))
    assert column(case, "residual_limit") == ["position_cap"] * 3 + [None] * 5


def test_example_a_is_summarised_as_by_hand(size: Sizer) -> None:
    summary = size(free(*A_SCORES), A_LIMITS).summary
    assert summary["raw_total"] == pytest.approx(0.95, abs=BY_HAND)
    assert summary["stage1_total"] == pytest.approx(0.60, abs=BY_HAND)
    assert summary["stage2_total"] == pytest.approx(0.95 - 13 / 90, abs=BY_HAND)
    assert (summary["stage1_capped_count"], summary["stage2_capped_count"]) == (1, 2)
    assert summary["residual"] == pytest.approx(13 / 90, abs=BY_HAND)
    assert summary["residual_placed"] == pytest.approx(13 / 90, abs=BY_HAND)
    assert summary["invested_weight"] == Decimal("0.95")
    assert summary["allocation_efficiency"] == 1
    # sum w = .95, sum w^2 = 3 x .0225 + 2 x .015625 + .01 + 2 x .005625 = .12
    assert summary["effective_positions"] == pytest.approx(0.95**2 / 0.12, abs=1e-9)
    assert summary["largest_weight"] == pytest.approx(0.15, abs=BY_HAND)
    assert summary["reachable_weight"] == pytest.approx(8 * 0.15, abs=BY_HAND)


def test_example_a_with_cash_bucket_keeps_the_residual_as_cash(size: Sizer) -> None:
    # R = 13/90 = .14444444|4: the units invested are floor(80555555.56). Floors leave two, to the two 4/45.
    limits = A_LIMITS.model_copy(update={"residual_strategy": "cash_bucket"})
    case = size(free(*A_SCORES), limits)
    assert column(case, "target_weight")[3:] == [
        Decimal(text) for text in ("0.08888889", "0.08888889", "0.07111111", "0.05333333", "0.05333333")
    ]
    assert case.summary["cash_weight"] == Decimal("0.14444445")
    assert column(case, "residual_weight") == [0] * 8
    assert case.summary["residual_placed"] == 0


B_LINES = (
    *free(0.96, 0.91, 0.88, 0.84, bucket="t"),
    *free(0.79, 0.76, bucket="d"),
    *free(0.72, 0.69, bucket="i"),
    *free(0.66, 0.65, bucket="c"),
)
B_LIMITS = RebalancingLimits(
    max_single_position=0.15,
    enable_bucket_diversification=True,
    max_allocation_per_bucket=0.40,
    residual_strategy="proportional",
)
B_ADAPTIVE = (0.111111, 0.111111, 0.088889, 0.088889) + (0.101852,) * 3 + (0.081481,) * 3
B_SCORE_WEIGHTED = (
    *(0.106964, 0.101393, 0.098050, 0.093593, 0.101756),
    *(0.097892, 0.092740, 0.088876, 0.085012, 0.083724),
)


def test_example_b_adaptive_ends_at_the_published_weights(size: Sizer) -> None:
    case = size(list(B_LINES), B_LIMITS)
    assert [float(weight) for weight in column(case, "target_weight")] == near(*B_ADAPTIVE, tolerance=SIX_DECIMALS)
    assert sum(column(case, "target_weight")) == Decimal("0.95")


def test_example_b_adaptive_passes_through_the_stages_as_by_hand(size: Sizer) -> None:
    # The multipliers sum to 10.8; bucket t has 5.4 of them, so .475, above .40: theta = .40 / .475 = 16/19.
    # The others keep .475 in stage 1 and share .95 - .40 = .55 in stage 2: f = .55 / .475 = 22/19.
    case = size(list(B_LINES), B_LIMITS)
    q = (1.5, 1.5, 1.2, 1.2, 1.0, 1.0, 1.0, 0.8, 0.8, 0.8)
    raw = [0.95 / 10.8 * each for each in q]
    assert column(case, "score_multiplier") == near(*q)
    categories = ["max", "max", "standard", "standard", "base", "base", "base", "light", "light", "light"]
    assert column(case, "size_category") == categories
    assert column(case, "raw_weight") == near(*raw)
    assert column(case, "stage1_weight") == near(*(16 / 19 * r for r in raw[:4]), *raw[4:])
    assert column(case, "stage1_cap") == ["bucket"] * 4 + [None] * 6
    assert column(case, "stage2_weight") == near(*(16 / 19 * r for r in raw[:4]), *(22 / 19 * r for r in raw[4:]))
    assert column(case, "stage2_cap") == [None] * 10
    assert case.summary["reachable_weight"] == pytest.approx(0.40 + 3 * 0.30, abs=BY_HAND)


def test_example_b_score_weighted_ends_at_the_published_weights(size: Sizer) -> None:
    case = size(list(B_LINES), B_LIMITS.model_copy(update={"sizing_mode": "score_weighted"}))
    assert [float(weight) for weight in column(case, "target_weight")] == near(
        *B_SCORE_WEIGHTED, tolerance=SIX_DECIMALS
    )
    assert column(case, "size_category") == ["score_weighted"] * 10


def test_example_c_holds_three_at_the_cap_and_the_rest_in_cash(size: Sizer) -> None:
    case = size(free(0.9, 0.8, 0.7), RebalancingLimits())
    assert column(case, "size_category") == ["max", "standard", "base"]
    assert column(case, "raw_weight") == near(*(0.95 / 3.7 * q for q in (1.5, 1.2, 1.0)))
    assert column(case, "stage1_cap") == ["position"] * 3
    assert column(case, "stage2_cap") == [None] * 3
    assert column(case, "residual_limit") == ["position_cap"] * 3
    assert column(case, "target_weight") == [Decimal("0.15")] * 3
    assert case.summary["cash_weight"] == Decimal("0.50")
    assert case.summary["reachable_weight"] == pytest.approx(0.45, abs=BY_HAND)


@pytest.mark.parametrize("company", [0, 1])
def test_example_c_says_which_limit_binds_and_what_would_place_it_all(company: int) -> None:
    asked = [(free(0.9, 0.8, 0.7), RebalancingLimits()), (free(0.9, 0.8), RebalancingLimits())]
    summary = size_all(asked[: company + 1])[0].summary
    assert summary["binding_limit"] == "max_single_position"
    assert summary["relaxation"] == "max_single_position 0.15 -> 0.3167 would place it all"


def test_example_d_is_the_projection_under_the_cap(size: Sizer) -> None:
    limits = RebalancingLimits(
        target_total_allocation=1,
        sizing_mode="score_weighted",
        max_single_position=0.5,
        min_position_size=0,
        residual_strategy="proportional",
        max_residual_per_asset=1,
        max_residual_multiple=None,
    )
    case = size(free(0.7, 0.2, 0.1), limits)
    # 1 - .5 is shared 2 : 1, so 1/3 and 1/6; the unit left over goes to the larger remainder, 2/3 of a unit.
    assert column(case, "stage2_weight") == near(0.5, 1 / 3, 1 / 6)
    assert column(case, "target_weight") == [Decimal(text) for text in ("0.5", "0.33333333", "0.16666667")]


def test_example_e_shares_equally_when_disabled(size: Sizer) -> None:
    case = size(free(0.9, 0.7, 0.5, 0.0), RebalancingLimits(enable_dynamic_sizing=False))
    assert column(case, "target_weight") == [Decimal("0.2375")] * 4
    assert column(case, "raw_weight") == near(*[0.2375] * 4)
    assert column(case, "stage2_weight") == near(*[0.2375] * 4)
    assert column(case, "size_category") == ["disabled"] * 4
    assert case.summary["cash_weight"] == 0
