"""The one solver finds x with sum of clip(x a, l, u) = total, whatever the group, and says where there is none."""

from typing import NamedTuple

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sizing.weights.water_fill import at_level, solve_level

ROUND_OFF = 1e-12  # of sums of a few dozen doubles near 1
INFINITE = float("inf")
BUDGET = settings(deadline=None)  # the first call of Polars is slow


class Row(NamedTuple):
    slope: float
    lower: float = 0.0
    upper: float = INFINITE


Group = tuple[list[Row], float]

slopes = st.sampled_from((0.0, 0.0, 1.0, 1.0, 0.5, 1e-9, 1e3)) | st.floats(1e-6, 10)
bounds = st.sampled_from((0.0, 0.02, 0.1, 0.15, 0.4, 1.0)) | st.floats(0, 1)
rows_of_both = st.builds(lambda slope, one, two: Row(slope, min(one, two), max(one, two)), slopes, bounds, bounds)
totals = bounds | st.floats(0, 5)
groups_of_both = st.lists(st.tuples(st.lists(rows_of_both, min_size=1, max_size=8), totals), min_size=1, max_size=5)


def solve(groups: list[Group], *bounds_given: str) -> list[float]:
    rows = [(number, *row, total) for number, (members, total) in enumerate(groups) for row in members]
    frame = pl.DataFrame(rows, schema=["group", "slope", "lower", "upper", "total"], orient="row").with_columns(
        pl.col("group").cast(pl.UInt32), pl.col("slope", "lower", "upper", "total").cast(pl.Float64)
    )
    solved = solve_level(frame, "group", slope="slope", total="total", **{name: name for name in bounds_given})
    assert solved["group"].to_list() == list(range(len(groups)))
    return solved["level"].to_list()


def filled(rows: list[Row], level: float, *bounds_given: str) -> float:
    """Return the sum at a level. A row without a slope stays at 0."""
    lower = "lower" in bounds_given
    upper = "upper" in bounds_given
    return sum(
        min(max(level * row.slope, row.lower if lower else 0), row.upper if upper else INFINITE)
        for row in rows
        if row.slope > 0
    )


@BUDGET
@given(groups_of_both, st.sampled_from((("lower", "upper"), ("upper",), ("lower",))))
def test_the_level_fills_the_total_or_says_that_nothing_can(groups: list[Group], given_bounds: tuple[str, ...]) -> None:
    for (rows, total), level in zip(groups, solve(groups, *given_bounds), strict=True):
        capacity = filled(rows, 1e300, *given_bounds)
        if "upper" in given_bounds and total > capacity + 2 * ROUND_OFF:
            assert level == INFINITE
        elif total < filled(rows, 0, *given_bounds) - ROUND_OFF:
            assert level == 0
        elif any(row.slope > 0 for row in rows) and total <= capacity:
            assert filled(rows, level, *given_bounds) == pytest.approx(total, rel=1e-9, abs=ROUND_OFF)


@BUDGET
@given(groups_of_both, st.sampled_from((("lower", "upper"), ("upper",), ("lower",))))
def test_other_groups_do_not_change_a_level(groups: list[Group], given_bounds: tuple[str, ...]) -> None:
    together = solve(groups, *given_bounds)
    alone = [solve([group], *given_bounds)[0] for group in groups]
    assert [one.hex() for one in together] == [one.hex() for one in alone]


def test_an_exact_fit_is_met_and_not_infinite() -> None:
    rows = [Row(1.0, upper=0.25), Row(2.0, upper=0.5)]
    assert solve([(rows, 0.75)], "upper") == [0.25]


def test_a_total_above_all_upper_bounds_has_no_level() -> None:
    rows = [Row(1.0, upper=0.25), Row(2.0, upper=0.5)]
    assert solve([(rows, 0.7500001)], "upper") == [INFINITE]


def test_lower_bounds_above_the_total_leave_the_level_at_zero() -> None:
    rows = [Row(1.0, 0.2, 0.5), Row(2.0, 0.2, 0.5)]
    assert solve([(rows, 0.3)], "lower", "upper") == [0.0]
    assert solve([(rows, 0.3)], "lower") == [0.0]


def test_the_level_is_read_off_the_segment_that_holds_the_total() -> None:
    # .1 + .1 at 0; the steep row leaves .1 at .05 and meets .4 at .2, the other leaves .1 at .1: .4 + .2 at .2
    rows = [Row(2.0, 0.1, 0.4), Row(1.0, 0.1, 0.4)]
    found = solve([(rows, total) for total in (0.2, 0.3, 0.45, 0.6, 0.7, 0.8)], "lower", "upper")
    assert found == pytest.approx([0.05, 0.1, 0.15, 0.2, 0.3, 0.4], rel=0, abs=ROUND_OFF)


def test_a_row_without_a_slope_stays_at_zero_and_holds_nothing_up() -> None:
    still = Row(0.0, 0.3, 0.4)
    rows = [still, Row(1.0, 0.1, 0.2), still]
    assert solve([(rows, 0.15), (rows, 0.25)], "lower", "upper") == [pytest.approx(0.15), INFINITE]
    assert solve([([Row(0.0, upper=0.0), Row(1.0, upper=0.2)], 0.25)], "upper") == [INFINITE]


def test_a_faint_slope_is_not_lost_beside_a_steep_one() -> None:
    rows = [Row(1.0, upper=0.5), Row(1e-20, upper=1.0)]
    assert solve([(rows, 1.0)], "upper") == [pytest.approx(0.5 / 1e-20)]


def test_no_rows_have_no_level() -> None:
    nothing = pl.DataFrame(schema={"group": pl.UInt32, "slope": pl.Float64, "upper": pl.Float64, "total": pl.Float64})
    solved = solve_level(nothing, "group", slope="slope", upper="upper", total="total")
    assert solved.schema == {"group": pl.UInt32, "level": pl.Float64}
    assert solved.is_empty()


def test_where_nothing_was_solved_each_row_is_at_its_upper_bound() -> None:
    rows = pl.DataFrame(
        {"level": [None, 0.5, INFINITE, INFINITE], "slope": [1.0, 1.0, 1.0, 0.0], "upper": [0.3, 0.6, 0.3, 0.3]}
    )
    assert rows.select(at_level("level", "slope", upper="upper")).to_series().to_list() == [0.3, 0.5, 0.3, 0.0]
