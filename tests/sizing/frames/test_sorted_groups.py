"""Counts and sums over runs do what a loop over the rows would do."""

from fractions import Fraction
from itertools import accumulate, cycle, islice
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sizing.frames.sorted_groups import ends, position_in_run, run_count, running_count, running_sum, starts
from tests.helpers.examples import examples

ROUNDINGS = 2**-48
"""A running sum of a few dozen numbers may be off by this part of the sum of their sizes."""

BUDGET = settings(deadline=None, max_examples=examples(50))  # the first call of Polars is slow

groups = st.lists(st.integers(1, 20) | st.sampled_from((63, 64, 65, 130)), max_size=8)
numbers = st.floats(-1, 1) | st.sampled_from((0.0, -0.0, 1e-12, 1.0))


def grouped(sizes: list[int]) -> pl.Series:
    names = [number for number, size in enumerate(sizes) for _ in range(size)]
    return pl.Series("group", names, dtype=pl.UInt32)


def first_rows(sizes: list[int]) -> list[tuple[int, int]]:
    return [(sum(sizes[:number]), size) for number, size in enumerate(sizes)]


@BUDGET
@given(groups, st.randoms(use_true_random=False))
def test_places_count_each_group_from_one(sizes: list[int], random: Random) -> None:
    group = grouped(sizes)
    flags = [bool(random.getrandbits(1)) for _ in group]
    frame = pl.DataFrame({"group": group, "flag": pl.Series(flags, dtype=pl.Boolean)})
    flag = pl.col("flag")
    found = frame.select(
        position=position_in_run("group"),
        running_count=running_count(flag, starts("group")),
        run_count=run_count(flag, starts("group"), ends("group")),
    )
    expected = [
        (row + 1, sum(flags[start : start + row + 1]), sum(flags[start : start + size]))
        for start, size in first_rows(sizes)
        for row in range(size)
    ]
    assert found.rows() == expected


@BUDGET
@given(groups, st.data())
def test_a_running_sum_adds_up_its_own_group_only(sizes: list[int], data: st.DataObject) -> None:
    values = data.draw(st.lists(numbers, min_size=sum(sizes), max_size=sum(sizes)))
    sums = running_sum(pl.Series(values, dtype=pl.Float64), grouped(sizes)).to_list()
    for start, size in first_rows(sizes):
        own = [Fraction(one) for one in values[start : start + size]]
        exact, sizes_so_far = accumulate(own), accumulate(map(abs, own))
        for got, wanted, size_so_far in zip(sums[start : start + size], exact, sizes_so_far, strict=True):
            assert abs(Fraction(got) - wanted) <= ROUNDINGS * size_so_far


@pytest.mark.parametrize("company", [1, 2, 3, 40, 64, 65, 300])
@pytest.mark.parametrize("size", [7, 63, 64, 65, 210])
def test_company_does_not_change_the_last_bit_of_a_running_sum(company: int, size: int) -> None:
    values = [*islice(cycle([0.1, -0.0, 1 / 3, 1e-17, 0.7, -0.2, 0.1]), size)]
    alone = running_sum(pl.Series(values), grouped([size]))
    others = [1 / 7] * company
    together = running_sum(pl.Series(others + values + others), grouped([company, size, company]))
    assert [one.hex() for one in together[company : company + size]] == [one.hex() for one in alone]


def test_a_single_zero_has_no_sign_that_company_could_change() -> None:
    alone = running_sum(pl.Series([-0.0]), grouped([1]))
    together = running_sum(pl.Series([-0.0, 1.0, 1.0]), grouped([1, 2]))
    assert alone[0].hex() == together[0].hex()


def test_no_rows_have_no_sums() -> None:
    assert running_sum(pl.Series([], dtype=pl.Float64), grouped([])).to_list() == []
