"""Keys, places and sums in groups do what a loop over the rows would do."""

from fractions import Fraction
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sizing.keys import code, code_among, packed, place, place_among, running_sum

HIGHEST = 2**32 - 1
ROUNDINGS = 2**-48
"""A running sum of a few dozen numbers may be off by this part of the sum of their sizes."""

BUDGET = settings(deadline=None)  # the first call of Polars is slow

keys = st.lists(st.tuples(*[st.sampled_from((0, 1, 2, HIGHEST - 1, HIGHEST))] * 3), max_size=30)
groups = st.lists(st.integers(1, 20), max_size=12)
numbers = st.floats(-1, 1) | st.sampled_from((0.0, -0.0, 1e-12, 1.0))


def grouped(sizes: list[int]) -> pl.Series:
    names = [number for number, size in enumerate(sizes) for _ in range(size)]
    return pl.Series("group", names, dtype=pl.UInt32)


def starts(sizes: list[int]) -> list[tuple[int, int]]:
    return [(sum(sizes[:number]), size) for number, size in enumerate(sizes)]


@BUDGET
@given(keys)
def test_packed_keys_sort_as_the_columns_do(rows: list[tuple[int, int, int]]) -> None:
    frame = pl.DataFrame(rows, schema=dict.fromkeys("abc", pl.UInt32), orient="row")
    assert frame.sort(packed("a", "b", "c")).rows() == sorted(rows)
    assert frame.sort(packed("a", "b"), maintain_order=True).rows() == sorted(rows, key=lambda row: row[:2])


@BUDGET
@given(st.lists(st.text(max_size=3), max_size=20))
def test_codes_keep_the_order_of_names(names: list[str]) -> None:
    codes = code(pl.Series(names, dtype=pl.String)).to_list()
    order = sorted(set(names), key=str.encode)
    assert [order[one] for one in codes] == names
    assert code_among(pl.Series(names, dtype=pl.String), pl.Series(order, dtype=pl.String)).to_list() == codes


@BUDGET
@given(groups, st.randoms(use_true_random=False))
def test_places_count_each_group_from_one(sizes: list[int], random: Random) -> None:
    group = grouped(sizes)
    flags = [bool(random.getrandbits(1)) for _ in group]
    frame = pl.DataFrame({"group": group, "flag": pl.Series(flags, dtype=pl.Boolean)})
    found = frame.select(place=place("group"), among=place_among("flag", "group"))
    expected = [(row + 1, sum(flags[start : start + row + 1])) for start, size in starts(sizes) for row in range(size)]
    assert found.rows() == expected


@BUDGET
@given(groups, st.data())
def test_a_running_sum_adds_up_its_own_group_only(sizes: list[int], data: st.DataObject) -> None:
    values = data.draw(st.lists(numbers, min_size=sum(sizes), max_size=sum(sizes)))
    sums = running_sum(pl.Series(values, dtype=pl.Float64), grouped(sizes)).to_list()
    for start, size in starts(sizes):
        own = [Fraction(one) for one in values[start : start + size]]
        for row in range(size):
            allowed = ROUNDINGS * sum(map(abs, own[: row + 1]))
            assert abs(Fraction(sums[start + row]) - sum(own[: row + 1])) <= allowed


@pytest.mark.parametrize("company", [1, 2, 3, 40])
def test_company_does_not_change_the_last_bit_of_a_running_sum(company: int) -> None:
    values = [0.1, -0.0, 1 / 3, 1e-17, 0.7, -0.2, 0.1]
    alone = running_sum(pl.Series(values), grouped([7]))
    others = [1 / 7] * company
    together = running_sum(pl.Series(others + values + others), grouped([company, 7, company]))
    assert [one.hex() for one in together[company : company + 7]] == [one.hex() for one in alone]


def test_a_single_zero_has_no_sign_that_company_could_change() -> None:
    alone = running_sum(pl.Series([-0.0]), grouped([1]))
    together = running_sum(pl.Series([-0.0, 1.0, 1.0]), grouped([1, 2]))
    assert alone[0].hex() == together[0].hex()


def test_no_rows_have_no_sums() -> None:
    assert running_sum(pl.Series([], dtype=pl.Float64), grouped([])).to_list() == []
