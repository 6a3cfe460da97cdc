"""The guarantees of docs/sizing.md 6, each a property of one sized portfolio.

Every property is asked of the same thousands of random portfolios (sized once), and then of the ones that hypothesis
draws and shrinks. Guarantees that compare two runs (6 and 8) are in test_sizing_same_bytes.py.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import groupby, pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.helpers.examples import examples
from tests.properties.strategies import frames, many_cases
from tests.sizing.cases import Asked, Case, size_all
from tests.sizing.reference.portfolio import limit_of_bucket

ONE_UNIT = Decimal("0.00000001")
ROUND_OFF = 1e-12  # of sums and products of doubles near 1
AS_DRAWN = (Phase.explicit, Phase.reuse, Phase.generate)  # drawn small; shrinking costs minutes
SEEN_OFTEN = 15  # a property that fewer of the random portfolios speak about proves nothing

Row = dict[str, Any]
Property = Callable[[Case], None]
Where = Callable[[Case], bool]
GUARANTEES: dict[str, tuple[Where, Property]] = {}


def stored(weight: float) -> Decimal:
    return Decimal(repr(weight)).quantize(ONE_UNIT)


def guarantee(where: Where) -> Callable[[Property], Callable[[], None]]:
    """Make a test of a property: the smallest of the random portfolios that breaks it is the failure."""

    def decorate(holds: Property) -> Callable[[], None]:
        GUARANTEES[holds.__name__] = (where, holds)

        def test() -> None:
            asked = [case for case in many_cases() if where(case)]
            assert len(asked) >= SEEN_OFTEN, f"only {len(asked)} portfolios to prove it on"
            for case in sorted(asked, key=lambda case: len(case.rows)):
                check(case, holds)

        test.__name__ = holds.__name__
        return test

    return decorate


def check(case: Case, holds: Property) -> None:
    try:
        holds(case)
    except AssertionError as error:
        pytest.fail(f"{holds.__name__}: {error}\n{case!r}")


@settings(max_examples=examples(60), deadline=None, phases=AS_DRAWN, suppress_health_check=[HealthCheck.too_slow])
@given(asked=frames)
def test_every_guarantee_holds_on_portfolios_that_hypothesis_draws(asked: list[Asked]) -> None:
    for case in size_all(asked):
        for where, holds in GUARANTEES.values():
            if where(case):
                check(case, holds)


def always(_: Case) -> bool:
    return True


def is_dynamic(case: Case) -> bool:
    return case.limits.enable_dynamic_sizing


def is_disabled(case: Case) -> bool:
    return not is_dynamic(case)


def is_unpinned(case: Case) -> bool:
    return all(row["pinned_weight"] is None for row in case.rows)


def has_bucket_limits(case: Case) -> bool:
    return is_dynamic(case) and case.limits.enable_bucket_diversification


def is_one_asset(case: Case) -> bool:
    return is_dynamic(case) and is_unpinned(case) and len(case.rows) == 1


def alike(rows: list[Row], *names: str) -> Iterator[list[Row]]:
    def key(row: Row) -> tuple[Any, ...]:
        return tuple(row[name] for name in names)

    return (list(group) for _, group in groupby(sorted(rows, key=key), key=key))


# Guarantee 1 -----------------------------------------------------------------------------------------------


@guarantee(where=always)
def test_positions_and_cash_make_up_the_target_exactly(case: Case) -> None:
    positions = sum(row["target_weight"] for row in case.rows)
    assert case.summary["invested_weight"] == positions
    assert positions + case.summary["cash_weight"] == stored(case.limits.target_total_allocation)


@guarantee(where=always)
def test_no_weight_is_negative(case: Case) -> None:
    assert all(row["target_weight"] >= 0 for row in case.rows)
    assert case.summary["cash_weight"] >= 0


# Guarantee 2 -----------------------------------------------------------------------------------------------


@guarantee(where=is_dynamic)
def test_no_position_is_above_the_cap_at_any_stage(case: Case) -> None:
    cap = case.limits.max_single_position
    for row in case.rows:
        assert row["stage1_weight"] <= cap
        assert row["stage2_weight"] <= cap
        assert row["stage2_weight"] + row["residual_weight"] <= cap + ROUND_OFF
        assert row["target_weight"] <= stored(cap)


@guarantee(where=is_dynamic)
def test_no_sized_position_is_below_the_minimum(case: Case) -> None:
    for row in case.placed():
        assert row["raw_weight"] >= case.limits.min_position_size
        assert row["stage1_weight"] >= case.limits.min_position_size
        assert row["target_weight"] >= stored(case.limits.min_position_size)


@guarantee(where=has_bucket_limits)
def test_no_bucket_is_above_its_limit(case: Case) -> None:
    for members in alike(case.rows, "bucket"):
        limit = limit_of_bucket(case.limits, members[0]["bucket"])
        assert sum(row["target_weight"] for row in members) <= stored(limit)
        assert sum(row["stage1_weight"] for row in members) <= limit + ROUND_OFF
        assert sum(row["stage2_weight"] + row["residual_weight"] for row in members) <= limit + ROUND_OFF


# Guarantees 3 and 4 ----------------------------------------------------------------------------------------


@guarantee(where=is_dynamic)
def test_a_higher_score_in_the_same_bucket_and_held_state_never_gets_less(case: Case) -> None:
    free = [row for row in case.rows if row["pinned_weight"] is None]
    for peers in alike(free, "bucket", "is_held"):
        for lower, higher in pairwise(alike(peers, "score")):
            for name in ("raw_weight", "stage1_weight", "stage2_weight", "target_weight"):
                assert min(row[name] for row in higher) >= max(row[name] for row in lower), name


@guarantee(where=is_dynamic)
def test_equal_score_bucket_and_held_state_weigh_the_same_before_rounding(case: Case) -> None:
    stages = ("raw_weight", "stage1_weight", "stage2_weight", "residual_weight")
    for twins in alike(case.placed(), "bucket", "is_held", "score"):
        for name in stages[:3] if case.limits.residual_strategy == "safe_top_slice" else stages:
            assert len({row[name] for row in twins}) == 1, name


@guarantee(where=lambda case: is_dynamic(case) and case.limits.residual_strategy != "safe_top_slice")
def test_equal_score_bucket_and_held_state_end_at_most_a_unit_apart(case: Case) -> None:
    for twins in alike(case.placed(), "bucket", "is_held", "score"):
        ends = [row["target_weight"] for row in sorted(twins, key=lambda row: row["score_rank"])]
        assert ends == sorted(ends, reverse=True)
        assert ends[0] - ends[-1] <= ONE_UNIT


# Guarantee 5 -----------------------------------------------------------------------------------------------


@guarantee(where=always)
def test_stage_2_and_the_residual_never_lower_a_weight(case: Case) -> None:
    for row in case.rows:
        assert row["stage2_weight"] >= row["stage1_weight"]
        assert row["residual_weight"] >= 0
        assert row["target_weight"] > Decimal(row["stage2_weight"] + row["residual_weight"]) - ONE_UNIT


@guarantee(where=lambda case: case.limits.residual_strategy == "cash_bucket")
def test_a_cash_bucket_places_nothing(case: Case) -> None:
    assert case.summary["residual_placed"] == 0
    assert {row["residual_weight"] for row in case.rows} <= {0.0}
    assert {row["residual_limit"] for row in case.rows} <= {None}


# Guarantee 7 -----------------------------------------------------------------------------------------------


@guarantee(where=lambda case: is_disabled(case) and is_unpinned(case) and bool(case.rows))
def test_disabled_sizing_shares_the_target_equally_to_the_unit(case: Case) -> None:
    target = stored(case.limits.target_total_allocation)
    assert sum(row["target_weight"] for row in case.rows) == target
    for row in case.rows:
        assert abs(row["target_weight"] - target / len(case.rows)) < ONE_UNIT
        assert (row["stage1_cap"], row["stage2_cap"], row["drop_reason"]) == (None, None, None)
        assert row["size_category"] == "disabled"


@guarantee(where=lambda case: is_disabled(case) and not is_unpinned(case))
def test_disabled_sizing_shares_what_the_pinned_leave(case: Case) -> None:
    pinned = [row for row in case.rows if row["pinned_weight"] is not None]
    together = min(sum(row["pinned_weight"] for row in pinned), case.limits.target_total_allocation)
    assert sum(row["stage2_weight"] for row in pinned) == pytest.approx(together, abs=ROUND_OFF)
    for row in case.placed():
        left = (case.limits.target_total_allocation - together) / len(case.placed())
        assert row["stage2_weight"] == pytest.approx(left, abs=ROUND_OFF)


# Guarantee 10 ----------------------------------------------------------------------------------------------


@guarantee(where=lambda case: not case.rows)
def test_an_empty_selection_is_all_cash(case: Case) -> None:
    assert case.summary["cash_weight"] == stored(case.limits.target_total_allocation)
    names = ("n_selected", "n_sized", "n_dropped", "invested_weight", "stage2_total", "residual_placed")
    assert [case.summary[name] for name in names] == [0] * 6


@guarantee(where=is_one_asset)
def test_one_asset_gets_what_the_caps_allow_under_any_strategy(case: Case) -> None:
    limits, row = case.limits, case.rows[0]
    most = [limits.max_single_position, limits.target_total_allocation]
    if limits.enable_bucket_diversification:
        most.append(limit_of_bucket(limits, row["bucket"]))
    expected = stored(min(most)) if row["drop_reason"] is None else Decimal(0)
    assert row["target_weight"] == expected
    assert case.summary["cash_weight"] == stored(limits.target_total_allocation) - expected
    if row["drop_reason"] == "below_min_position_size":
        assert min(most) < limits.min_position_size


# Section 4 -------------------------------------------------------------------------------------------------


@guarantee(where=lambda case: is_dynamic(case) and not is_unpinned(case))
def test_pinned_positions_pass_every_stage_unchanged(case: Case) -> None:
    for row in case.rows:
        if row["pinned_weight"] is not None:
            assert row["size_category"] == "pinned"
            assert row["drop_reason"] is None
            assert row["raw_weight"] == row["stage1_weight"] == row["stage2_weight"]
            assert row["stage2_weight"] <= min(row["pinned_weight"], case.limits.max_single_position)
            assert (row["residual_weight"], row["score_multiplier"]) == (0, 0)
            assert abs(row["target_weight"] - Decimal(row["stage2_weight"])) <= ONE_UNIT
