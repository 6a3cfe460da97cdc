"""What is reported of a weight, every stage with its number and what bound it, and of its portfolio."""

import polars as pl

from sizing import RebalancingLimits, size_portfolios


def _reasons(
    limits: RebalancingLimits, scores: list[float], held: list[bool], pinned: list[float | None] | None = None
) -> list[str]:
    names = [f"A{number}" for number in range(len(scores))]
    selected = pl.DataFrame(
        {
            "portfolio_id": ["core"] * len(names),
            "asset": names,
            "bucket": names,
            "score": scores,
            "is_held": held,
            "pinned_weight": pl.Series(pinned or [None] * len(names), dtype=pl.Float64),
        }
    )
    return size_portfolios(selected, limits).positions["sizing_reason"].to_list()


def test_numbers_have_four_decimals_at_most_and_the_target_all_that_are_stored() -> None:
    limits = RebalancingLimits(max_single_position=0.45678, max_allocation_per_bucket=1)
    # 0.95 less the pinned 0.123456 is shared 1.2 : 1.
    assert _reasons(limits, [0.876543, 0.70001, 0.9], [False, False, True], [None, None, 0.123456]) == [
        "Pinned at 0.1235, limits applied: 0.1235.",
        "Rank 2, score 0.8765, standard x1.2: raw 0.4508, stage 1 0.4508, stage 2 0.4508, target 0.45084218.",
        "Rank 3, score 0.7, base x1.0: raw 0.3757, stage 1 0.3757, stage 2 0.3757, target 0.37570182.",
    ]


def test_a_cap_is_reported_at_the_stage_where_it_binds_and_the_residual_with_what_limits_it() -> None:
    limits = RebalancingLimits(
        max_single_position=0.3, min_position_size=0.1, max_allocation_per_bucket=1, residual_strategy="proportional"
    )
    # 0.95 is shared 1.5 : 1 : 0.816, the last with the bias of a holding.
    ended = "residual limited by position_cap, target 0.30000000."
    assert _reasons(limits, [0.95, 0.7, 0.65], [False, False, True]) == [
        f"Rank 1, score 0.95, max x1.5: raw 0.4297, stage 1 0.3, capped by position, stage 2 0.3, {ended}",
        f"Rank 2, score 0.7, base x1.0: raw 0.2865, stage 1 0.2865, stage 2 0.3, capped by position, {ended}",
        f"Rank 3, score 0.65, light x0.816: raw 0.2338, stage 1 0.2338, stage 2 0.2921, residual +0.0079, {ended}",
    ]


def test_what_is_dropped_says_why() -> None:
    limits = RebalancingLimits(max_single_position=0.6, min_position_size=0.4, max_allocation_per_bucket=1)
    assert _reasons(limits, [0.95, 0.7, 0.65, 0.2], [False] * 4)[2:] == [
        "Rank 3, score 0.65: dropped, no room for another position of 0.4 (below_min_position_size).",
        "Rank 4, score 0.2: dropped, the score has no size (no_size).",
    ]


def test_the_share_that_is_invested_has_twelve_decimals() -> None:
    limits = RebalancingLimits(max_single_position=0.3, target_total_allocation=0.9, max_allocation_per_bucket=1)
    selected = pl.DataFrame(
        {"portfolio_id": ["core"] * 2, "asset": ["A", "B"], "bucket": ["x", "y"], "score": [0.9, 0.8]}
    )
    sized = size_portfolios(selected.with_columns(is_held=False), limits)
    assert sized.portfolios["allocation_efficiency"].to_list() == [0.666666666667]
